#!/usr/bin/env python3
"""Raw columns <-> Parquet (columns.go describes the raw layout).

columns.py to-parquet DIR FILE            all columns of DIR
columns.py from-parquet FILE DIR COL...   decimals become integers of their last place, dates days since 1970
"""
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROW_GROUP = 1 << 18


def read_column(path, kind):
    """Returns the column in the files path.KIND as an Arrow array, without a copy."""
    if kind != "str":
        return pa.array(np.fromfile(f"{path}.{kind}", dtype={"i64": "<i8", "f64": "<f8"}[kind]))
    offsets = pa.py_buffer(np.fromfile(f"{path}.off", dtype="<i8"))
    text = pa.py_buffer(np.fromfile(f"{path}.str", dtype="u1"))
    rows = offsets.size // 8 - 1
    return pa.LargeStringArray.from_buffers(rows, offsets, text)


def to_parquet(source, target):
    files = sorted(f for f in os.listdir(source) if not f.endswith(".off"))
    columns = {}
    for f in files:
        name, kind = f.rsplit(".", 1)
        column = read_column(f"{source}/{name}", kind)
        columns[name] = column.cast(pa.string()) if kind == "str" else column
    pq.write_table(pa.table(columns), target, row_group_size=ROW_GROUP, compression="snappy")


def to_int64(column):
    t = column.type
    if pa.types.is_decimal(t):
        column = pc.multiply(column, pa.scalar(10**t.scale, pa.decimal128(10, 0)))
        return column.cast(pa.int64())
    if pa.types.is_date(t):
        return column.cast(pa.int32()).cast(pa.int64())
    return column.cast(pa.int64())


def write_column(path, column):
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
        _, offsets, text = column.buffers()
        offsets = np.frombuffer(offsets, dtype="<i8")[column.offset : column.offset + len(column) + 1]
        np.frombuffer(text, dtype="u1")[offsets[0] : offsets[-1]].tofile(f"{path}.str")
        (offsets - offsets[0]).tofile(f"{path}.off")
    elif pa.types.is_floating(column.type):
        column.to_numpy().astype("<f8").tofile(f"{path}.f64")
    else:
        to_int64(column).to_numpy().astype("<i8").tofile(f"{path}.i64")


def from_parquet(source, target, names):
    os.makedirs(target, exist_ok=True)
    for name in names:
        column = pq.read_table(source, columns=[name])[name]
        if pa.types.is_string(column.type):
            column = column.cast(pa.large_string())
        write_column(f"{target}/{name}", column.combine_chunks())


if __name__ == "__main__":
    if sys.argv[1] == "to-parquet":
        to_parquet(sys.argv[2], sys.argv[3])
    else:
        from_parquet(sys.argv[2], sys.argv[3], sys.argv[4:])

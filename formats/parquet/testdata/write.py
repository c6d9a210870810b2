"""Writes the files in this folder: the same 60 rows in two ways, by pyarrow 15 or later."""
import datetime, decimal
import pyarrow as pa, pyarrow.parquet as pq

n = 60
def column(f, t): return pa.array([None if i % 7 == 3 else f(i) for i in range(n)], t)

t = pa.table({
    "i": column(lambda i: i * i * 1000003 - 5, pa.int64()),
    "s": column(lambda i: "text %d" % (i % 9), pa.string()),
    "b": column(lambda i: i % 3 == 0, pa.bool_()),
    "f": column(lambda i: i / 3, pa.float64()),
    "x": column(lambda i: b"%05d" % i, pa.binary(5)),
    "d": column(lambda i: decimal.Decimal(i * 10**20 - 7) / 1000, pa.decimal128(38, 3)),
    "t": column(lambda i: datetime.datetime(1969, 12, 31, 23) + datetime.timedelta(minutes=2 * i), pa.timestamp("ms", "UTC")),
    "l": column(lambda i: [{"a": k, "m": [("k", None if k else "x")]} for k in range(i % 3)],
                pa.list_(pa.struct([("a", pa.int32()), ("m", pa.map_(pa.string(), pa.string()))]))),
})
pq.write_table(t, "dictionary.parquet", row_group_size=25, compression="gzip", use_deprecated_int96_timestamps=True)
encodings = {"i": "DELTA_BINARY_PACKED", "s": "DELTA_BYTE_ARRAY", "b": "RLE", "f": "BYTE_STREAM_SPLIT", "x": "DELTA_BYTE_ARRAY", "t": "DELTA_BINARY_PACKED"}
pq.write_table(t, "delta.parquet", use_dictionary=False, column_encoding=encodings, data_page_version="2.0", compression="lz4",
               data_page_size=100, write_page_checksum=True)

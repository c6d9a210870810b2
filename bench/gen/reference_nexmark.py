#!/usr/bin/env python3
"""Reference results of Nexmark by DuckDB: reference_nexmark.py DIR OUT.

OUT/qN.csv without a header, timestamps as YYYY-MM-DD HH:MM:SS.mmm: the final result of each query when the
stream has ended, rows in any order. Those of the batch workloads are made by engines/duckdb_engine.py.
"""
import glob
import os
import sys

import duckdb

SQL = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sql/nexmark/duckdb")


def read(path):
    with open(path) as f:
        return "\n".join(l for l in f.read().splitlines() if not l.startswith("--")).strip().rstrip(";")


def main(inp, out):
    os.makedirs(out, exist_ok=True)
    c = duckdb.connect()
    c.execute("set threads=2; set memory_limit='8GB'")
    c.execute(read(f"{SQL}/views.sql").replace("${EVENTS}", f"{inp}/parquet2/*.parquet"))
    for path in sorted(glob.glob(f"{SQL}/q*.sql")):
        q = os.path.basename(path)[:-4]
        c.execute(f"copy ({read(path)}) to '{out}/{q}.csv' (header false, quote '', escape '', timestampformat '%Y-%m-%d %H:%M:%S.%g')")


if __name__ == "__main__":
    main(*sys.argv[1:3])

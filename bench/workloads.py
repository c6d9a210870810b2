"""The workloads: which data each reads, and which engines of the kit can run it.

Folders are $BENCH_DATA/SET-SIZE[/PART]; `raw` is the part that the limit program reads where it is another.
"""
import glob
import os
from collections import namedtuple

Workload = namedtuple("Workload", "data small full rows part raw engines")

BATCH = ("limit", "duckdb", "polars", "datafusion", "spark")
FLINK = ("flink", "flink_ds")
LATENCY = {"latency-10k": 10_000, "latency-100k": 100_000}  # events a second
GROUP_BY = ("groupby-int-1k", "groupby-int-1m", "groupby-string-1k", "groupby-string-1m")


def _million(size):
    return int(size[:-1]) * 1_000_000


def _either(small, full):
    return lambda size: full if size == "1g" else small


def _tpch(rows):
    return lambda size: round(rows * float(size[2:]))


WORKLOADS = {
    "wordcount": Workload("words", "100m", "1g", _either(1_288_457, 12_880_000), "", None, BATCH + FLINK),
    "sort": Workload("tera", "100m", "1g", _either(1_000_000, 10_000_000), "", None, BATCH + FLINK + ("gnu",)),
    **{w: Workload("groups", "1m", "10m", _million, "parquet", "raw", BATCH) for w in GROUP_BY},
    "join": Workload("star", "1m", "10m", _million, "parquet", "raw", BATCH),
    "scan": Workload("tpch", "sf0.1", "sf1", _tpch(6_001_215), "parquet", "raw", BATCH),
    "csv": Workload("orders", "100m", "1g", _either(860_000, 8_600_000), "", None, BATCH),
    "tpch": Workload("tpch", "sf0.1", "sf1", _tpch(8_661_245), "parquet", None, BATCH[1:] + FLINK[:1]),
    "nexmark": Workload("nexmark", "1m", "10m", _million, "", None, ("spark", "flink")),
    **{w: Workload(None, "-", "-", lambda size: 0, "", None, ("limit", "flink")) for w in LATENCY},
    "latency-within": Workload(None, "-", "-", lambda size: 0, "", None, ("flink",)),
    "hello": Workload(None, "-", "-", lambda size: 10, "", None, BATCH + FLINK[:1]),
}


def size_of(workload, size):
    """The data set's own size for `small`, `full` or itself."""
    return {"small": workload.small, "full": workload.full}.get(size, size)


def folder(workload, size, engine, data):
    """What an engine gets as IN."""
    if workload.data is None:
        return "-"
    part = workload.raw if engine == "limit" and workload.raw else workload.part
    return os.path.join(data, f"{workload.data}-{size}", part).rstrip("/")


def files(name, workload, path):
    """The files under IN that the workload reads."""
    found = [f for f in glob.glob(f"{path}/**/*", recursive=True) if os.path.isfile(f)]
    if name == "scan":
        return [f for f in found if "lineitem" in f]
    if name == "nexmark" and os.environ.get("BENCH_NEXMARK_SOURCE") != "json":
        return [f for f in found if "/json/" not in f]
    return found

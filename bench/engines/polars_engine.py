"""Polars, lazy frames on the streaming engine."""
import datetime
import os

from common import *

os.environ.setdefault("POLARS_MAX_THREADS", str(PARALLELISM))
import polars as pl  # reads the number of threads when it is imported

TYPES = {"bigint": pl.Int64, "double": pl.Float64, "varchar": pl.String, "date": pl.Date}


def open_session():
    return None


def write(frame, path):
    frame.sink_csv(path, engine="streaming")


def wordcount(_, inp, out):
    words = pl.scan_lines(f"{inp}/*.txt", name="line").select(pl.col("line").str.split(" ").alias("w")).explode("w")
    counts = words.group_by("w").agg(pl.len().alias("n"))
    counts.sink_csv(f"{out}/part-0.tsv", include_header=False, separator="\t", quote_style="never", engine="streaming")


def sort(_, inp, out):
    lines = pl.scan_lines(f"{inp}/*.txt", name="line").sort("line")
    lines.sink_csv(f"{out}/part-0.txt", include_header=False, separator="\x01", quote_style="never", engine="streaming")


def groupby(_, key, inp, out):
    groups = pl.scan_parquet(f"{inp}/groups.parquet").group_by(key)
    write(groups.agg(pl.len().alias("n"), pl.col("v1").sum().alias("v1_sum"), pl.col("v2").mean().alias("v2_avg")), f"{out}/result.csv")


def join(_, inp, out):
    both = pl.scan_parquet(f"{inp}/fact.parquet").join(pl.scan_parquet(f"{inp}/dim.parquet"), on="key")
    sums = both.group_by("region").agg(pl.len().alias("n"), pl.col("amount").sum().alias("amount_sum"))
    write(sums.sort("region"), f"{out}/result.csv")


def scan(_, inp, out):
    day, cents = pl.col("l_shipdate"), pl.col("l_discount")
    hit = (day >= datetime.date(1994, 1, 1)) & (day < datetime.date(1996, 1, 1)) & cents.is_between(pl.lit("0.05").cast(pl.Decimal(15, 2)), pl.lit("0.07").cast(pl.Decimal(15, 2)))
    sums = [pl.col(c).sum() for c in ("l_quantity", "l_extendedprice", "l_tax")]
    ends = [pl.col("l_comment").min().alias("comment_min"), pl.col("l_comment").max().alias("comment_max")]
    write(pl.scan_parquet(f"{inp}/lineitem.parquet").filter(hit).select(pl.len().alias("n"), *sums, *ends), f"{out}/result.csv")


def csv_(_, inp, out):
    orders = pl.scan_csv(f"{inp}/*.csv", schema={n: TYPES[t] for n, t in ORDERS.items()})
    cells = [pl.len().alias("n")]
    for name, kind in ORDERS.items():
        c = pl.col(name)
        cells.append(c.count().alias(f"{name}_n"))
        if kind in ("bigint", "double"):
            cells.append(c.sum().alias(f"{name}_sum"))
        cells += [c.min().alias(f"{name}_min"), c.max().alias(f"{name}_max")]
    write(orders.select(cells), f"{out}/result.csv")


def tpch(_, inp, out):
    ctx = pl.SQLContext({t: pl.scan_parquet(f"{inp}/{t}.parquet") for t in TPCH_TABLES})

    def query(text):
        d = ctx.execute(text).collect(engine="streaming")
        return d.columns, d.rows()

    run_tpch(query, out)


def hello(_, inp, out):
    d = pl.DataFrame({"id": list(range(10)), "name": [f"hello {i}" for i in range(10)]})
    for row in pl.SQLContext(t=d.lazy()).execute("select * from t").collect().rows():
        print(*row)


if __name__ == "__main__":
    main(open_session, dict(group_jobs(groupby), wordcount=wordcount, sort=sort, join=join, scan=scan, csv=csv_, tpch=tpch, hello=hello))

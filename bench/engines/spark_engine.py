"""Spark local[P], batch; nexmark (Structured Streaming) is in spark_nexmark.py."""
from pyspark.sql import functions as F
import spark_session
from common import *


def open_session():
    return spark_session.open_session(PARALLELISM * 2)


def view(spark, name, inp):
    spark.read.parquet(f"{inp}/{name}.parquet").createOrReplaceTempView(name)


def write(frame, out):
    frame.write.option("header", "true").option("escape", '"').csv(f"{out}/csv")


def wordcount(spark, inp, out):
    words = spark.read.text(inp).select(F.explode(F.split("value", " ")).alias("w"))
    words.groupBy("w").count().write.option("sep", "\t").option("quote", "").csv(f"{out}/csv")


def sort(spark, inp, out):
    spark.read.text(inp).sort("value").write.text(f"{out}/txt")


def groupby(spark, key, inp, out):
    view(spark, "groups", inp)
    write(spark.sql(sql("batch/groupby", key=key)), out)


def join(spark, inp, out):
    view(spark, "fact", inp)
    view(spark, "dim", inp)
    write(spark.sql(sql("batch/join")), out)


def scan(spark, inp, out):
    view(spark, "lineitem", inp)
    write(spark.sql(sql("batch/scan")), out)


def csv_(spark, inp, out):
    schema = ",".join(f"{n} {t.replace('varchar', 'string')}" for n, t in ORDERS.items())
    spark.read.schema(schema).option("header", "true").option("escape", '"').csv(inp).createOrReplaceTempView("orders")
    write(spark.sql(sql("batch/csv")), out)


def tpch(spark, inp, out):
    for t in TPCH_TABLES:
        view(spark, t, inp)

    def query(text):
        d = spark.sql(text)
        return d.columns, [tuple(r) for r in d.collect()]

    run_tpch(query, out)


def hello(spark, inp, out):
    for row in spark.sql(HELLO).collect():
        print(*row)


if __name__ == "__main__":
    main(open_session, dict(group_jobs(groupby), wordcount=wordcount, sort=sort, join=join, scan=scan, csv=csv_, tpch=tpch, hello=hello))

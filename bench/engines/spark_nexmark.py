"""Spark Structured Streaming, micro batches over the time-ordered files (parquet20), noop sink.

BENCH_FILES_PER_TRIGGER (2 of 20 files: ten micro batches).  q0 q1 q2 q14 q21 q22 stateless, q3 join,
q5w windowed counts (hop 10 s / 2 s, without q5's join), q7w tumbling max (without q7's join), q8, q11, q17.
"""
import os, sys, time
from pyspark.sql import functions as F
import spark_session
from common import PARALLELISM, failure
inp = sys.argv[2]
spark = spark_session.open_session(
    PARALLELISM,
    spark__sql__streaming__stateStore__providerClass=os.environ.get(
        "BENCH_SPARK_STATE", "org.apache.spark.sql.execution.streaming.state.HDFSBackedStateStoreProvider"),
    spark__sql__streaming__checkpointLocation=f"{os.environ.get('BENCH_TMP', '/tmp')}/spark-checkpoints-{os.getpid()}")
path = f"{inp}/parquet20"
schema = spark.read.parquet(path).schema
def events():
    return (spark.readStream.schema(schema).option("maxFilesPerTrigger", os.environ.get("BENCH_FILES_PER_TRIGGER", "2"))
            .parquet(path).withColumn("dateTime", F.col("dateTime").cast("timestamp")).withWatermark("dateTime", "4 seconds"))
def view(e, t, pre, cols):
    return e.where(f"event_type = {t}").selectExpr(*[f"{pre}_{c} as {c}" for c in cols], "dateTime")
bid = lambda: view(events(), 2, "b", ["auction", "bidder", "price", "channel", "url", "extra"])
auction = lambda: view(events(), 1, "a", ["id", "itemName", "description", "initialBid", "reserve", "expires", "seller", "category", "extra"])
person = lambda: view(events(), 0, "p", ["id", "name", "emailAddress", "creditCard", "city", "state", "extra"])
rx = r"(&|^)channel_id=([^&]*)"
Q = {
    "q0": lambda: (bid().select("auction", "bidder", "price", "dateTime", "extra"), "append"),
    "q1": lambda: (bid().selectExpr("auction", "bidder", "0.908 * price as price", "dateTime", "extra"), "append"),
    "q2": lambda: (bid().where("auction % 123 = 0").select("auction", "price"), "append"),
    "q3": lambda: (auction().where("category = 10").alias("a").join(person().where("state in ('OR','ID','CA')").alias("p"), F.expr("a.seller = p.id"))
                   .selectExpr("name", "city", "state", "a.id"), "append"),
    "q5w": lambda: (bid().groupBy(F.window("dateTime", "10 seconds", "2 seconds"), "auction").count(), "append"),
    "q7w": lambda: (bid().groupBy(F.window("dateTime", "10 seconds")).agg(F.max("price")), "append"),
    "q8": lambda: (person().withColumn("w", F.window("dateTime", "10 seconds")).alias("p").join(
                    auction().withColumn("w", F.window("dateTime", "10 seconds")).alias("a"), F.expr("p.id = a.seller and p.w = a.w"))
                   .selectExpr("p.id", "p.name", "p.w.start"), "append"),
    "q11": lambda: (bid().groupBy(F.session_window("dateTime", "10 seconds"), "bidder").count(), "append"),
    "q17": lambda: (bid().groupBy("auction", F.date_format("dateTime", "yyyy-MM-dd")).agg(F.count("*"), F.expr("count(*) filter (where price < 10000)"),
                    F.expr("count(*) filter (where price >= 10000 and price < 1000000)"), F.expr("count(*) filter (where price >= 1000000)"),
                    F.min("price"), F.max("price"), F.avg("price"), F.sum("price")), "update"),
    "q21": lambda: (bid().where(F.expr(f"regexp_extract(url, '{rx}', 2) != '' or lower(channel) in ('apple','google','facebook','baidu')"))
                    .selectExpr("auction", "bidder", "price", "channel", f"case lower(channel) when 'apple' then '0' when 'google' then '1' when 'facebook' then '2' when 'baidu' then '3' else regexp_extract(url, '{rx}', 2) end"), "append"),
    "q22": lambda: (bid().selectExpr("auction", "bidder", "price", "channel", "split(url,'/')[3]", "split(url,'/')[4]", "split(url,'/')[5]"), "append"),
}
names = os.environ.get("BENCH_QUERIES", ",".join(Q)).split(",")
t00 = time.time()
for p in range(1, int(os.environ.get("BENCH_PASSES", "1")) + 1):
    for q in names:
        t0 = time.time()
        try:
            d, mode = Q[q]()
            s = d.writeStream.outputMode(mode).format("noop").trigger(availableNow=True).queryName(f"{q}_{p}").start()
            s.awaitTermination()
            st = "ok"
        except Exception as e:
            st = failure(e)
        print(f"BENCHQ {p} {q} {time.time()-t0:.3f} {st}", flush=True)
print(f"BENCH seconds={time.time() - t00:.3f}", flush=True)
spark.stop()

"""The Spark session of the batch and the streaming adapter."""
import os

from pyspark.sql import SparkSession
from common import PARALLELISM


def open_session(shuffle_partitions, **settings):
    b = (SparkSession.builder.master(f"local[{PARALLELISM}]").appName("bench")
         .config("spark.driver.memory", os.environ.get("BENCH_JVM_HEAP", "6g"))
         .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
         .config("spark.sql.shuffle.partitions", str(shuffle_partitions))
         .config("spark.log.level", "ERROR")
         .config("spark.sql.session.timeZone", "UTC")
         .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
         .config("spark.local.dir", os.environ.get("BENCH_TMP", "/tmp")))
    for name, value in settings.items():
        b = b.config(name.replace("__", "."), value)
    return b.getOrCreate()

"""DataFusion by its Python binding."""
import pyarrow as pa
from datafusion import SessionConfig, SessionContext
from common import *

ARROW = {"bigint": pa.int64(), "double": pa.float64(), "varchar": pa.string(), "date": pa.date32()}


def open_session():
    return SessionContext(SessionConfig().with_target_partitions(PARALLELISM))


def lines(ctx, inp):
    # This reader has no switch for the quote character; the data hold none.
    ctx.register_csv("t", inp, schema=pa.schema([("line", pa.string())]), has_header=False, delimiter="\x01", file_extension=".txt")


def view(ctx, name, inp):
    ctx.register_parquet(name, f"{inp}/{name}.parquet")


def copy(ctx, query, path):
    ctx.sql(f"copy ({query}) to '{path}' stored as csv options ('format.has_header' 'true')").collect()


def wordcount(ctx, inp, out):
    lines(ctx, inp)
    words = "select unnest(string_to_array(line,' ')) w from t"
    ctx.sql(f"select w, count(*) n from ({words}) group by w").write_csv(f"{out}/csv", with_header=False)


def sort(ctx, inp, out):
    lines(ctx, inp)
    ctx.sql(f"copy (select line from t order by line) to '{out}/part-0.csv' stored as csv options ('format.has_header' 'false')").collect()


def groupby(ctx, key, inp, out):
    view(ctx, "groups", inp)
    copy(ctx, sql("batch/groupby", key=key), f"{out}/result.csv")


def join(ctx, inp, out):
    view(ctx, "fact", inp)
    view(ctx, "dim", inp)
    copy(ctx, sql("batch/join"), f"{out}/result.csv")


def scan(ctx, inp, out):
    view(ctx, "lineitem", inp)
    copy(ctx, sql("batch/scan"), f"{out}/result.csv")


def csv_(ctx, inp, out):
    ctx.register_csv("orders", inp, schema=pa.schema([(n, ARROW[t]) for n, t in ORDERS.items()]), has_header=True)
    copy(ctx, sql("batch/csv"), f"{out}/result.csv")


def tpch(ctx, inp, out):
    for t in TPCH_TABLES:
        view(ctx, t, inp)

    def query(text):
        t = ctx.sql(text).to_arrow_table()
        return t.column_names, [tuple(r.values()) for r in t.to_pylist()]

    run_tpch(query, out)


def hello(ctx, inp, out):
    for batch in ctx.sql(HELLO).collect():
        for r in batch.to_pylist():
            print(r["id"], r["name"])


if __name__ == "__main__":
    main(open_session, dict(group_jobs(groupby), wordcount=wordcount, sort=sort, join=join, scan=scan, csv=csv_, tpch=tpch, hello=hello))

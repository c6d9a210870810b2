"""DuckDB, and the reference that results are compared with."""
import duckdb
from common import *


def open_session():
    c = duckdb.connect()
    c.execute(f"set threads={PARALLELISM}")
    return c


def lines(inp):
    return (f"read_csv('{inp}/*.txt', columns={{'line':'VARCHAR'}}, header=false, delim='\\x01', "
            "quote='', escape='', auto_detect=false)")


def view(c, name, inp):
    c.execute(f"create view {name} as select * from read_parquet('{inp}/{name}.parquet')")


def copy(c, query, path):
    c.execute(f"copy ({query}) to '{path}' (format csv, header true)")


def wordcount(c, inp, out):
    words = f"select unnest(string_split(line,' ')) w from {lines(inp)}"
    c.execute(f"copy (select w, count(*) from ({words}) group by w) to '{out}/part-0.tsv' "
              "(format csv, header false, delimiter '\t', quote '')")


def sort(c, inp, out):
    c.execute(f"copy (select line from {lines(inp)} order by line) to '{out}/part-0.txt' "
              "(format csv, header false, delimiter '\x01', quote '')")


def groupby(c, key, inp, out):
    view(c, "groups", inp)
    copy(c, sql("batch/groupby", key=key), f"{out}/result.csv")


def join(c, inp, out):
    view(c, "fact", inp)
    view(c, "dim", inp)
    copy(c, sql("batch/join"), f"{out}/result.csv")


def scan(c, inp, out):
    view(c, "lineitem", inp)
    copy(c, sql("batch/scan"), f"{out}/result.csv")


def csv_(c, inp, out):
    c.execute(f"create view orders as select * from read_csv('{inp}/*.csv', columns={ORDERS}, header=true, "
              "delim=',', quote='\"', escape='\"', auto_detect=false)")
    copy(c, sql("batch/csv"), f"{out}/result.csv")


def tpch(c, inp, out):
    for t in TPCH_TABLES:
        view(c, t, inp)

    def query(text):
        r = c.execute(text)
        return [d[0] for d in r.description], r.fetchall()

    run_tpch(query, out)


def hello(c, inp, out):
    for row in c.execute(HELLO).fetchall():
        print(*row)


if __name__ == "__main__":
    main(open_session, dict(group_jobs(groupby), wordcount=wordcount, sort=sort, join=join, scan=scan, csv=csv_, tpch=tpch, hello=hello))

"""What the Python adapters share. An adapter is called as  ENGINE_engine.py WORKLOAD IN OUT  and prints

    BENCHQ pass query seconds status     for each query of tpch and nexmark
    BENCH seconds=S                      at the end; S is the job alone, its process and session being up
"""
import csv
import os
import string
import sys
import time

KIT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PARALLELISM = int(os.environ.get("BENCH_PARALLELISM", "2"))
TPCH_TABLES = "customer lineitem nation orders part partsupp region supplier".split()
GROUP_KEYS = {"groupby-int-1k": "k_1k", "groupby-int-1m": "k_1m", "groupby-string-1k": "s_1k", "groupby-string-1m": "s_1m"}
HELLO = "select * from (values " + ",".join(f"({i},'hello {i}')" for i in range(10)) + ") t(id,name)"

# Columns of the orders files with the SQL types that all engines know.
ORDERS = {
    "id": "bigint", "account": "bigint", "quantity": "bigint", "price": "double", "discount": "double",
    "weight": "double", "status": "varchar", "customer": "varchar", "note": "varchar", "created": "date",
}


def main(open_session, jobs):
    """Runs jobs[WORKLOAD](session, IN, OUT) and reports its time."""
    workload, inp, out = sys.argv[1:4]
    if workload not in jobs:
        sys.exit(f"unsupported workload {workload}")
    session = open_session()
    start = time.time()
    jobs[workload](session, inp, out)
    print(f"BENCH seconds={time.time() - start:.3f}", flush=True)
    if hasattr(session, "stop"):
        session.stop()


def group_jobs(groupby):
    """The group-by workloads as jobs, given groupby(session, key, IN, OUT)."""
    return {w: lambda s, i, o, key=key: groupby(s, key, i, o) for w, key in GROUP_KEYS.items()}


def sql(name, **values):
    """The text of sql/NAME.sql without comments and the final semicolon."""
    with open(f"{KIT}/sql/{name}.sql") as f:
        lines = [l for l in f.read().splitlines() if not l.startswith("--")]
    return string.Template("\n".join(lines)).substitute(values).strip().rstrip(";")


def write_csv(path, names, rows):
    with open(path, "w", newline="") as f:
        w = csv.writer(f)
        w.writerow(names)
        w.writerows(["" if v is None else v for v in row] for row in rows)


def run_tpch(query, out):
    """Runs the 22 queries (or BENCH_QUERIES) BENCH_PASSES times; query(sql) returns names and rows.

    Results of the first pass are kept. A query that an engine cannot run is a result too.
    """
    names = os.environ.get("BENCH_QUERIES") or ",".join(f"q{i:02d}" for i in range(1, 23))
    for n in range(1, int(os.environ.get("BENCH_PASSES", "3")) + 1):
        for q in names.split(","):
            start, status = time.time(), "ok"
            try:
                columns, rows = query(sql(f"tpch/{q}"))
                if n == 1:
                    write_csv(f"{out}/{q}.csv", columns, rows)
            except Exception as e:
                status = failure(e)
            print(f"BENCHQ {n} {q} {time.time() - start:.3f} {status}", flush=True)


def failure(e):
    return "failed:" + f"{type(e).__name__}:{e}".replace("\n", " ")[:200].replace(" ", "_")

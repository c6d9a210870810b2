#!/usr/bin/env python3
"""check.py WORKLOAD OUT EXPECTED GEN: compares a result folder with the reference, prints one word.

`ok...` or `DIFFERENT:why`. Files whose name begins with a dot or an underscore are not part of a result.
Cells are equal when they are equal as text, as integers, or as other numbers within 1e-9 relative (tpch: 1e-6,
since engines' decimal divisions have different scales); dates may have a time behind.
"""
import csv
import glob
import os
import subprocess
import sys


def parts(folder, *suffixes):
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = [f for f in folders if not f.startswith((".", "_"))]
        found += [os.path.join(root, n) for n in names if not n.startswith((".", "_"))]
    return sorted(f for f in found if os.path.getsize(f) and (not suffixes or f.endswith(suffixes)))


def tool(gen, *args):
    return subprocess.run([gen, *args], capture_output=True, text=True, check=True).stdout.split()


def number(s, kind=float):
    try:
        return kind(s)
    except ValueError:
        return None


def same_cell(a, b, tolerance):
    if a == b:
        return True
    if number(a, int) is not None and number(b, int) is not None:
        return int(a) == int(b)
    x, y = number(a), number(b)
    if x is None or y is None:
        return a.strip() == b.strip() or (b[4:5] == "-" and a.split("T")[0].split(" ")[0] == b.split("T")[0].split(" ")[0])
    return abs(x - y) <= tolerance * (1 + abs(y))


def same_rows(got, want, tolerance):
    return len(got) == len(want) and all(
        len(g) == len(w) and all(same_cell(a, b, tolerance) for a, b in zip(g, w)) for g, w in zip(got, want))


def rows(path, header=True):
    with open(path, newline="") as f:
        return list(csv.reader(f))[1 if header else 0 :]


def sort_key(row):
    return [f"{number(c):.2f}" if number(c) is not None else c.strip() for c in row]


def check_wordcount(out, expected, gen):
    got, want = (tool(gen, "sumwords", *parts(d)) if parts(d) else ["nothing"] for d in (out, expected))
    return "ok:" + want[0] if got == want else f"DIFFERENT:{got[0]}_words,_not_{want[0]}"


def check_sort(out, expected, gen):
    if not parts(out):
        return "DIFFERENT:nothing"
    got = tool(gen, "valsort", *parts(out))
    with open(f"{expected}/checksum") as f:
        want = f.read().split()
    if got[1] != "sorted":
        return "DIFFERENT:" + got[1]
    return "ok:" + want[0] if (got[0], got[2]) == (want[0], want[2]) else "DIFFERENT:other_records"


def check_small(out, expected, _):
    """One result table, CSV files with a header or Parquet, in order or not."""
    want, got = rows(f"{expected}/result.csv"), []
    for f in parts(out, ".csv", ".parquet"):
        got += parquet_rows(f) if f.endswith(".parquet") else rows(f)
    good = same_rows(sorted(got, key=sort_key), sorted(want, key=sort_key), 1e-9)
    return f"ok:{len(want)}" if good else f"DIFFERENT:{len(got)}_rows,_expected_{len(want)}"


def parquet_rows(path):
    import duckdb

    return [[str(c) for c in r] for r in duckdb.sql(f"from '{path}'").fetchall()]


def check_groups(out, expected, _):
    """Key, count, sum(v1), avg(v2), a million rows: compared by a join."""
    import duckdb

    db = duckdb.connect()
    files = parts(out, ".csv", ".parquet")
    if not files:
        return "DIFFERENT:nothing"
    read = "read_parquet({})" if files[0].endswith(".parquet") else "read_csv({}, header=false, all_varchar=true, null_padding=true)"
    table = "select try_cast({1} as bigint) n, try_cast({2} as bigint) s, try_cast({3} as double) a, {0}::varchar k from {4} where try_cast({1} as bigint) is not null"

    def relation(source):
        names = [d[0] for d in db.execute(f"from {source} limit 0").description]
        return table.format(*(f'"{c}"' for c in names[:4]), source)

    db.execute(f"create table got as {relation(read.format(files))}")
    db.execute("create table want as " + relation(f"read_csv('{expected}/result.csv', header=false, all_varchar=true)"))
    good = "got.n = want.n and got.s = want.s and abs(got.a - want.a) <= 1e-9 * (1 + abs(want.a))"
    got, want, equal = (db.execute(f"select count(*) from {t}").fetchall()[0][0] for t in ("got", "want", f"got join want using (k) where {good}"))
    return f"ok:{equal}" if got == want == equal else f"DIFFERENT:{got}_groups,_expected_{want},_{equal}_equal"


def check_queries(out, expected, same):
    """A file a query; those that the engine did not write are only counted."""
    names = [os.path.basename(f) for f in parts(expected, ".csv")]
    found = [n for n in names if os.path.exists(f"{out}/{n}")]
    bad = [n[:-4] for n in found if not same(n)]
    return "DIFFERENT:" + ",".join(bad) if bad or not found else f"ok:{len(found)}/{len(names)}"


def check_tpch(out, expected, _):
    def same(name):
        got, want = rows(f"{out}/{name}"), rows(f"{expected}/{name}")
        # In order, or with ties in another one.
        return same_rows(got, want, 1e-6) or same_rows(sorted(got, key=sort_key), sorted(want, key=sort_key), 1e-6)

    return check_queries(out, expected, same)


def check_nexmark(out, expected, _):
    def lines(path):
        with open(path) as f:
            return sorted(f.read().splitlines())

    def same(name):
        got, want = lines(f"{out}/{name}"), lines(f"{expected}/{name}")
        if name == "q18.csv":  # its rows tie on dateTime: only auction, bidder and dateTime are determined
            cells = [l.split(",") for l in got]
            got = sorted(",".join((c[0], c[1], c[5] if len(c) > 5 else c[2])) for c in cells)
        return got == want

    return check_queries(out, expected, same) if glob.glob(f"{out}/*.csv") else "-"


def main(workload, out, expected, gen):
    checks = {"wordcount": check_wordcount, "sort": check_sort, "tpch": check_tpch, "nexmark": check_nexmark}
    check = checks.get(workload, check_groups if workload.startswith("groupby") else check_small)
    print(check(out, expected, gen))


if __name__ == "__main__":
    main(*sys.argv[1:5])

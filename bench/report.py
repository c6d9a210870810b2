#!/usr/bin/env python3
"""report.py FILE.md [--session NAME] [--base ENGINE] [--title TEXT]: writes tables of the recorded runs as Markdown.

A session is one run.py, or all of all.sh. Of each workload and size only the newest one counts, since ratios of
runs at different times mean little on a shared machine; --session takes that session alone. Figures are medians of the
repetitions, ratios are to --base (default millrace, or the peer with the least CPU time).
"""
import argparse
import json
import os
import re
import statistics
import sys

import workloads

WORK = os.environ.get("BENCH_WORK") or sys.exit("set BENCH_WORK to a folder for data, peers and results")
TITLES = {
    "wordcount": "Word count, text of {size}",
    "sort": "Sort of 100-byte records by a 10-byte key, {size}",
    "groupby-int-1k": "Group by an int64 key, 1,000 groups, {size} rows of Parquet",
    "groupby-int-1m": "Group by an int64 key, 1,000,000 keys, {size} rows of Parquet",
    "groupby-string-1k": "Group by a string key, 1,000 groups, {size} rows of Parquet",
    "groupby-string-1m": "Group by a string key, 1,000,000 keys, {size} rows of Parquet",
    "join": "Hash join of {size} rows with a tenth of them, summed by region, Parquet",
    "scan": "Filter and sum over lineitem of TPC-H {size}, Parquet",
    "csv": "CSV parse and aggregates of all ten columns, {size}",
    "tpch": "TPC-H {size}, Parquet",
    "nexmark": "Nexmark, {size} events",
    "hello": "A trivial job",
    "latency-10k": "Latency of a keyed count, 10,000 events a second over unix sockets",
    "latency-100k": "Latency of a keyed count, 100,000 events a second over unix sockets",
    "latency-within": "Latency of a keyed count, 100,000 events a second made and forgotten in the engine's process",
}


SIZES = {"100m": "100 MB", "1g": "1 GB", "1m": "1 million", "10m": "10 million"}


def parse_args():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("target")
    ap.add_argument("--session")
    ap.add_argument("--base", default="millrace")
    ap.add_argument("--title", default="Benchmarks")
    return ap.parse_args()


def load(session):
    """Yields (workload, size) and the runs by engine."""
    with open(f"{WORK}/results.jsonl") as f:
        runs = [json.loads(l) for l in f]
    tables = {}
    for r in runs:
        if session in (None, r["session"]):
            tables.setdefault((r["workload"], r["size"]), []).append(r)
    order = list(workloads.WORKLOADS)
    for key in sorted(tables, key=lambda k: (order.index(k[0]), k[1])):
        rs = tables[key]
        newest = max(r["session"] for r in rs)
        by_engine = {}
        for r in rs:
            if r["session"] == newest:
                by_engine.setdefault(r["engine"], []).append(r)
        yield key, by_engine


def good(runs):
    return [r for r in runs if r["check"].startswith(("ok", "-"))]


def median(runs, field):
    return statistics.median(r[field] for r in runs)


def figure(x):
    return f"{x:.3f}" if x < 0.1 else f"{x:.2f}" if x < 100 else f"{x:.0f}"


def ratio(x, base):
    return f"{x / base:.2f}" if base > 0 else "-"


def base_of(engines, wanted):
    if engines.get(wanted):
        return wanted
    peers = [e for e in engines if e != "limit" and engines[e]] or list(engines)
    return min(peers, key=lambda e: median(engines[e], "cpu"))


def table(head, rows):
    return ["| " + " | ".join(map(str, r)) + " |" for r in (head, ["---"] * len(head), *rows)]


def job_table(by_engine, wanted):
    engines = {e: good(rs) for e, rs in by_engine.items()}
    ran = {e: rs for e, rs in engines.items() if rs}
    failed = [f"{e}: {rs[-1]['check'].replace('_', ' ')}" for e, rs in by_engine.items() if not engines[e]]
    if not ran:
        return ["No engine finished.", *failed]
    base = base_of(ran, wanted)
    cpu, wall = median(ran[base], "cpu"), median(ran[base], "wall")
    rows = []
    for e in sorted(ran, key=lambda e: median(ran[e], "cpu")):
        rs = ran[e]
        spread = f"{figure(min(r['cpu'] for r in rs))}-{figure(max(r['cpu'] for r in rs))}"
        rows.append([e, figure(median(rs, "seconds")), figure(median(rs, "wall")), figure(median(rs, "cpu")), spread, f"{median(rs, 'rss_mb'):.0f}",
                     f"{rs[0]['rows'] / max(median(rs, 'seconds'), 1e-9):,.0f}", ratio(median(rs, "cpu"), cpu), ratio(median(rs, "wall"), wall),
                     f"{len(rs)}/{len(by_engine[e])}"])
    head = ["engine", "job s", "command s", "CPU s", "CPU s, range", "peak MB", "rows/s", f"CPU / {base}", f"wall / {base}", "right runs"]
    return [*table(head, rows), *([""] + failed if failed else [])]


def query_table(by_engine, workload):
    """Best pass of each query; for tpch the first pass of a fresh process in brackets."""
    best, first, rates = {}, {}, {}
    for e, runs in by_engine.items():
        for r, q in ((r, q) for r in runs for q in r["queries"] if q["status"] == "ok"):
            best.setdefault(e, {}).setdefault(q["query"], []).append(q["seconds"])
            rates.setdefault((e, q["query"]), []).append(q.get("events", r["rows"]) / q["seconds"])
            if q["pass"] == 1:
                first.setdefault(e, {}).setdefault(q["query"], []).append(q["seconds"])
    engines = sorted(best, key=lambda e: (-len(best[e]), sum(map(min, best[e].values()))))
    names = sorted({q for e in best for q in best[e]}, key=lambda q: (int(re.sub(r"\D", "", q)), q))

    def cell(e, q):
        if q not in best[e]:
            return "-"
        if workload == "nexmark":
            return f"{max(rates[e, q]) / 1000:.0f}"
        return f"{min(best[e][q]):.3f} ({statistics.median(first[e][q]):.3f})"

    unit = "Thousand events a second, best run." if workload == "nexmark" else "Seconds of the best pass (of the first pass in a fresh process)."
    rows = [[q, *(cell(e, q) for e in engines)] for q in names]
    rows.append(["sum, s", *(figure(sum(map(min, best[e].values()))) for e in engines)])
    rows.append(["CPU s, all passes", *(figure(median(by_engine[e], "cpu")) for e in engines)])
    rows.append(["peak MB", *(max(r["rss_mb"] for r in by_engine[e]) for e in engines)])
    rows.append(["check", *(by_engine[e][-1]["check"] for e in engines)])
    return [unit, "", *table(["query", *engines], rows)]


def figures(run):
    """The NAME=VALUE pairs of a run's latency line."""
    return dict(w.split("=", 1) for w in run["latency"].split() if "=" in w)


def latency_lines(by_engine):
    """A row a run, and what part of the events was not later than each step, over all runs of an engine."""
    columns = {"p50": "p50", "p90": "p90", "p99": "p99", "p99.9": "p99.9", "max": "max", "sent_p99.9": "sent late, p99.9", "completed": "checkpoints"}
    rows = []
    for e, runs in by_engine.items():
        for r in runs:
            f = figures(r)
            rows.append([e, *(f.get(c, "-").removesuffix("ms") for c in columns), figure(r["cpu"]), r["check"].replace("-", "ok")])
    lines = ["Milliseconds from when an event was due to its result. `limit` is a program that does only this; `_apart`: the sender has a core to itself;",
             "`_1ms`: buffers' time-out of 1 ms instead of the default.", "", *table(["engine", *columns.values(), "CPU s, with the sender's", "run"], rows)]
    sums = {e: {} for e in by_engine}
    for e, runs in by_engine.items():
        for upto, n in (pair for r in runs for pair in r.get("histogram", {}).items()):
            sums[e][upto] = sums[e].get(upto, 0) + n
    sums = {e: h for e, h in sums.items() if sum(h.values())}
    if not sums:
        return lines
    sofar, rows = dict.fromkeys(sums, 0), []
    for upto in next(iter(sums.values())):
        for e, h in sums.items():
            sofar[e] += h.get(upto, 0)
        name = "later" if upto == "more" else f"{int(upto) / 1000:g} ms"
        rows.append([name, *(f"{100 * (h.get(upto, 0) if upto == 'more' else sofar[e]) / sum(h.values()):.3f}" for e, h in sums.items())])
    return [*lines, "", "Percent of the events whose result was there within", "", *table(["", *sums], rows)]


def summary(tables, wanted):
    """CPU seconds of each engine's command over the base's, a row a workload."""
    engines, rows = [], []
    for _, by_engine in tables:
        engines += [e for e in by_engine if e not in engines]
    for (w, size), by_engine in tables:
        ran = {e: good(rs) for e, rs in by_engine.items() if good(rs)}
        if ran and wanted in ran:
            base = median(ran[wanted], "cpu")
            rows.append([f"{w} {size}", figure(base), *(ratio(median(ran[e], "cpu"), base) if e in ran else "-" for e in engines if e != wanted)])
    if not rows:
        return []
    return ["## CPU time of the command, ratio to " + wanted, "", *table(["workload", f"{wanted}, CPU s", *(e for e in engines if e != wanted)], rows), ""]


def machine_lines():
    with open(f"{WORK}/machine.json") as f:
        m = json.load(f)
    versions = ", ".join(f"{k} {v}" for k, v in m["versions"].items())
    return [f"Machine: {m['cores']} cores, {m['memory_gib']} GiB; {m['cpu']}; Linux {m['kernel']}. Parallelism {os.environ.get('BENCH_PARALLELISM', '2')}.", "",
            f"Versions: {versions}.", ""]


def section(key, by_engine, wanted):
    w, size = key
    runs = [r for rs in by_engine.values() for r in rs]
    dates = sorted(r["date"] for r in runs)
    lines = [f"## {TITLES[w].format(size=SIZES.get(size, size.upper()))}", "",
             f"`{w}`, {dates[0][:16].replace('T', ' ')}, load before the runs {statistics.median(r['load'] for r in runs):.1f}.", ""]
    if w in ("tpch", "nexmark"):
        lines += query_table(by_engine, w)
    elif w.startswith("latency"):
        lines += latency_lines(by_engine)
    else:
        lines += job_table(by_engine, wanted)
    return [*lines, ""]


def main():
    a = parse_args()
    tables = list(load(a.session))
    lines = [f"# {a.title}", "", "Written by `bench/report.py`; `bench/README.md` says what is measured and how. Inputs come from the page cache,",
             "results are checked, engines are interleaved. Compare only within a table.", "", *machine_lines(), *summary(tables, a.base)]
    for key, by_engine in tables:
        lines += section(key, by_engine, a.base)
    os.makedirs(os.path.dirname(os.path.abspath(a.target)), exist_ok=True)
    with open(a.target, "w") as f:
        f.write("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()

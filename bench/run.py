#!/usr/bin/env python3
"""run.py WORKLOAD[,...] --engines a,b,c [--reps N] [--size small|full|SIZE] [--set NAME=VALUE]...

Runs workloads on engines, interleaved: for each workload N times a, b, c. Prints a line for each run,

    workload size engine check: job= wall= cpu= rss= load=

and appends the facts as a JSON line to $BENCH_WORK/results.jsonl for report.py.

    job    seconds of the job as the engine reports it, its process and session being up
    wall   seconds of the whole command
    cpu    user and system seconds of its process tree (steadier than wall on a busy machine)
    rss    largest resident memory of the process tree, MB
    load   load average of the machine before the run

The exit status is 1 when a run failed or its result differs from the reference.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time

import machine
import workloads
from process import adopt_orphans, execute

KIT = os.path.dirname(os.path.abspath(__file__))
WORK = os.environ.get("BENCH_WORK") or sys.exit("set BENCH_WORK to a folder for data, peers and results")
DATA = os.environ.get("BENCH_DATA", f"{WORK}/data")
PY = os.environ.get("BENCH_PY", f"{WORK}/venv/bin/python")
BIN = f"{WORK}/bin"
PARALLELISM = os.environ.get("BENCH_PARALLELISM", "2")
KEPT = ("tpch", "nexmark")  # outputs small enough to stay for a look


def parse_args():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("workloads", help="comma list, or batch for all but the streaming ones")
    ap.add_argument("--engines", required=True, help="comma list; a name X that the kit does not know is the executable in BENCH_X")
    ap.add_argument("--reps", type=int, default=1)
    ap.add_argument("--size", default="full")
    ap.add_argument("--label", help="record the runs under this engine name (variants of one engine)")
    ap.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="environment of the engine")
    ap.add_argument("--timeout", type=int, default=1500, help="seconds a run may take")
    return ap.parse_args()


def executable(engine):
    """The adapter of an engine from outside the kit, or None."""
    named = os.environ.get("BENCH_" + engine.upper())
    built = os.path.join(os.path.dirname(KIT), "bin", f"bench-{engine}")
    return named or (built if os.path.exists(built) else None)


def command(engine, workload, inp, out):
    """What runs the workload. Of a latency it is bench/latency, which starts the engine with sockets as IN and OUT."""
    if workload in workloads.LATENCY:
        return [f"{BIN}/latency", f"--rate={workloads.LATENCY[workload]}", *command(engine, "latency", "", "")[:2]]
    if engine in ("duckdb", "polars", "datafusion", "spark"):
        script = "spark_nexmark" if (engine, workload) == ("spark", "nexmark") else f"{engine}_engine"
        return [PY, f"{KIT}/engines/{script}.py", workload, inp, out]
    if engine in workloads.FLINK:
        return [f"{KIT}/engines/flink.sh", workload + ("_ds" if engine == "flink_ds" else ""), inp, out]
    if engine == "limit":
        return limit(workload, inp, out)
    if engine == "gnu":
        return ["/bin/bash", "-c", f"LC_ALL=C sort --parallel={PARALLELISM} -S 4G -T {WORK}/tmp -o {out}/part-0.txt {inp}/*.txt"]
    exe = executable(engine)
    return [exe, workload, inp, out] if exe else sys.exit(f"unknown engine {engine}: set BENCH_{engine.upper()} to its executable")


def limit(workload, inp, out):
    if workload == "hello":
        return ["/bin/echo", "hello"]
    if workload in ("wordcount", "sort"):
        return [f"{BIN}/limit_{workload}", inp, out, PARALLELISM]
    return [f"{BIN}/limits", workload, inp, out, PARALLELISM]


def environment(workload, size, settings):
    env = dict(os.environ, BENCH_KIT=KIT, BENCH_WORK=WORK, BENCH_TMP=f"{WORK}/tmp", BENCH_PARALLELISM=PARALLELISM)
    if workload == "nexmark":
        env["BENCH_EVENTS"] = str(workloads.WORKLOADS[workload].rows(size))
    env.update(s.split("=", 1) for s in settings)
    return env


def warm(paths):
    """Reads files, so that every engine finds them in the page cache."""
    for p in paths:
        subprocess.run(["cat", p], stdout=subprocess.DEVNULL, check=True)


def check(workload, size, out):
    """`ok...`, `DIFFERENT...`, or `-` where there is no reference."""
    expected = f"{WORK}/expected/{workload}-{size}"
    if not os.path.isdir(expected):
        return "-"
    r = subprocess.run([PY, f"{KIT}/check.py", workload, out, expected, f"{BIN}/gen"], capture_output=True, text=True)
    return r.stdout.strip() or "DIFFERENT:checker_failed:" + "_".join(r.stderr.split())[-200:]


def reported(lines, default):
    """The BENCH line's seconds, the queries' lines, the latency line, and its histogram: the events up to each number of microseconds."""
    seconds = next((float(w[8:]) for l in lines if l.startswith("BENCH ") for w in l.split() if w.startswith("seconds=")), default)
    queries = [query(l.split()) for l in lines if l.startswith("BENCHQ ")]
    latency = " ".join(l for l in lines if l.startswith(("BENCHLAT", "BENCHCP")))
    histogram = [pair.split(":") for l in lines if l.startswith("BENCHHIST") for pair in l.split()[1:]]
    return seconds, queries, latency, {upto: int(n) for upto, n in histogram}


def query(words):
    """A BENCHQ line: what is asked of all engines, and facts as NAME=VALUE; of checkpoints, the bytes of each."""
    facts = dict(w.split("=", 1) for w in words[5:] if "=" in w)
    q = {"pass": int(words[1]), "query": words[2], "seconds": float(words[3]), "status": words[4]}
    if "cpu" in facts:
        q["cpu"] = float(facts["cpu"])
    if "events" in facts:
        q["events"] = int(facts["events"])
    if "bytes" in facts:
        q["checkpoints"] = [int(b) for b in facts["bytes"].split(",") if b != "-"]
    return q


def run_once(session, name, size, engine, args):
    workload, label = workloads.WORKLOADS[name], args.label or engine
    inp, out = workloads.folder(workload, size, engine, DATA), f"{WORK}/out/{name}-{label}"
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    os.makedirs(f"{WORK}/logs", exist_ok=True)
    os.makedirs(f"{WORK}/tmp", exist_ok=True)
    warm(workloads.files(name, workload, inp))
    os.sync()
    load = os.getloadavg()[0]
    o = execute(command(engine, name, inp, out), environment(name, size, args.set), f"{WORK}/logs/{name}-{label}.log", args.timeout)
    seconds, queries, latency, histogram = reported(o.lines, o.wall)
    result = check(name, size, out) if o.status == 0 else f"FAILED({o.status})"
    if name not in KEPT and result.startswith("ok"):
        shutil.rmtree(out, ignore_errors=True)
    return dict(session=session, date=time.strftime("%Y-%m-%dT%H:%M:%S"), workload=name, size=size, engine=label, settings=args.set,
                seconds=round(seconds, 3), wall=round(o.wall, 3), cpu=round(o.cpu, 3), rss_mb=round(o.peak_rss / 1e6),
                rows=workload.rows(size), check=result, load=round(load, 2), queries=queries, latency=latency, histogram=histogram)


def show(r):
    print(f"{r['workload']} {r['size']} {r['engine']} {r['check']}: job={r['seconds']:.3f} wall={r['wall']:.3f} "
          f"cpu={r['cpu']:.3f} rss={r['rss_mb']} load={r['load']:.2f} {r['latency']}", flush=True)
    for n in sorted({q["pass"] for q in r["queries"]}):
        of_pass = [q for q in r["queries"] if q["pass"] == n]
        ok = [q["seconds"] for q in of_pass if q["status"] == "ok"]
        print(f"    pass {n}: {len(ok)}/{len(of_pass)} ok, sum {sum(ok):.3f} s", flush=True)
    for q in r["queries"]:
        if q["status"] != "ok":
            print(f"    {q['query']} {q['status']}", flush=True)
        elif "events" in q:
            print(f"    {market(q)}", flush=True)


def market(q):
    """A query of Nexmark in one line."""
    c = q.get("checkpoints", [])
    sizes = f" of {min(c) / 1e6:.1f} to {max(c) / 1e6:.1f} MB" if c else ""
    return (f"{q['query']}: {q['seconds']:.1f} s, {q['events'] / 1e6:.0f} M events, {q['events'] / q['seconds'] / 1e6:.2f} M/s, "
            f"cpu={q.get('cpu', 0):.1f}, {len(c)} checkpoints{sizes}")


def plan(args):
    """The runs in their order: (workload, engine)."""
    names = [w for w in workloads.WORKLOADS if w not in ("nexmark", "latency-within", *workloads.LATENCY)] if args.workloads == "batch" else args.workloads.split(",")
    for w in names:
        if w not in workloads.WORKLOADS:
            sys.exit(f"unknown workload {w}")
        known = {e for x in workloads.WORKLOADS.values() for e in x.engines}
        engines = [e for e in args.engines.split(",") if e not in known or e in workloads.WORKLOADS[w].engines]
        yield from ((w, e) for _ in range(args.reps) for e in engines)


def main():
    args = parse_args()
    adopt_orphans()
    session = os.environ.get("BENCH_SESSION") or time.strftime("%Y-%m-%dT%H:%M:%S")
    machine.record(f"{WORK}/machine.json", PY)
    good = True
    for name, engine in plan(args):
        size = workloads.size_of(workloads.WORKLOADS[name], args.size)
        r = run_once(session, name, size, engine, args)
        with open(f"{WORK}/results.jsonl", "a") as f:
            f.write(json.dumps(r) + "\n")
        show(r)
        good = good and not r["check"].startswith(("FAILED", "DIFFERENT"))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

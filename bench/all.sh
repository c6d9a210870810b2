#!/bin/bash
# Measures all workloads, engines interleaved, as one session, and writes the tables: all.sh batch|stream|latency REPORT.md
# ENGINES, SIZE (full or small) and REPS (3) choose less; millrace takes part where its adapter is found.
set -uo pipefail
. "$(dirname "$0")/env.sh"
cd "$BENCH_KIT" || exit 1
what="${1:?batch, stream or latency}"
report="$(realpath -m "${2:?file for the report}")"
export BENCH_SESSION="$(date +%Y-%m-%dT%H:%M:%S)"
SIZE="${SIZE:-full}"
REPS="${REPS:-3}"
OURS=""
if [ -n "${BENCH_MILLRACE:-}" ] || [ -x ../bin/bench-millrace ]; then OURS=",millrace"; fi
ENGINES="${ENGINES:-limit,duckdb,polars,datafusion,spark,flink$OURS}"
failed=0
measure() { ./run.py "$@" --size "$SIZE" || failed=1; }

batch() {
  local jobs=wordcount,sort,groupby-int-1k,groupby-int-1m,groupby-string-1k,groupby-string-1m,join,scan,csv,hello
  measure "$jobs" --engines "$ENGINES" --reps "$REPS"
  measure tpch --engines "$ENGINES" --set BENCH_PASSES=3
}

# q16 takes Flink many minutes: it is measured only where BENCH_QUERIES names it.
stream() {
  local queries="${BENCH_QUERIES:-q0,q1,q2,q3,q4,q5,q7,q8,q9,q11,q12,q14,q15,q17,q18,q19,q20,q21,q22}"
  measure nexmark --engines "flink$OURS" --set "BENCH_QUERIES=$queries" --set BENCH_JVM_HEAP=10g
  measure nexmark --engines spark
  latency
}

# Over sockets, the sender sharing the processors with the engine and then apart from it, and within the engine's process. Flink also with its
# buffers' time-out at 1 ms instead of 100.
latency() {
  measure latency-100k,latency-10k,latency-within --engines "limit$OURS,flink"
  measure latency-100k,latency-10k,latency-within --engines flink --label flink_1ms --set BENCH_BUFFER_TIMEOUT=1ms
  local e
  for e in limit ${OURS#,} flink; do
    measure latency-100k,latency-10k --engines $e --label ${e}_apart --set BENCH_APART=1
  done
}

case $what in
  batch | stream | latency) "$what" ;;
  *) echo "all.sh batch|stream|latency REPORT.md" >&2; exit 2 ;;
esac
./report.py "$report" --session "$BENCH_SESSION" --title "Benchmarks, $what"
exit $failed

# Sourced by the scripts. BENCH_WORK is the one path to give: a folder outside the repository for
# data, peers, results and logs.
: "${BENCH_WORK:?set BENCH_WORK to a folder for data, peers and results}"
export BENCH_KIT="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export BENCH_DATA="${BENCH_DATA:-$BENCH_WORK/data}"
export BENCH_TMP="${BENCH_TMP:-$BENCH_WORK/tmp}"
export BENCH_PARALLELISM="${BENCH_PARALLELISM:-2}"
export BENCH_JVM_HEAP="${BENCH_JVM_HEAP:-6g}"
export FLINK_HOME="${FLINK_HOME:-$BENCH_WORK/flink}"
export BENCH_PY="${BENCH_PY:-$BENCH_WORK/venv/bin/python}"
mkdir -p "$BENCH_WORK" "$BENCH_TMP"

#!/usr/bin/env bash
# Compare Millrace with its peers: bench/ has the kit, its README the workloads and the engines.
#   BENCH_WORK=FOLDER scripts/bench.sh
# BENCH_WORK holds data, peers and results: about 12 GB, outside the checkout. Default: the user's cache folder.
set -euo pipefail
cd "$(dirname "$0")/.."

export BENCH_WORK=${BENCH_WORK:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace-bench}
mkdir -p "$BENCH_WORK" docs/benchmarks

make build
bench/setup.sh
bench/gen.sh
bench/all.sh
bench/report.py >docs/benchmarks/latest.md

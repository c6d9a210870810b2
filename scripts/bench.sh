#!/usr/bin/env bash
# Compare Millrace with its peers on the same files and write the table of ratios.
#   SIZE=small|full REPS=3 ENGINES=limit,spark,... BENCH_WORK=FOLDER scripts/bench.sh
# bench/README.md says what is measured. BENCH_WORK holds data (up to 13 GB), peers and results, outside the checkout;
# default: a folder in the user's cache. Needs Python 3.11, a JDK, Maven and gcc beside Go.
set -euo pipefail
cd "$(dirname "$0")/.."

export BENCH_WORK=${BENCH_WORK:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace-bench}
export SIZE=${SIZE:-full}
mkdir -p "$BENCH_WORK" docs/benchmarks

bench/setup.sh
bench/gen.sh "$SIZE"
bench/all.sh batch "docs/benchmarks/batch-$SIZE.md"

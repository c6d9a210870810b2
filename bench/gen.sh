#!/bin/bash
# Makes data sets and DuckDB's reference results: gen.sh [small|full|all] [batch|stream|all], default all (about
# 11 GB, half of it Nexmark). What is there already stays.
set -euo pipefail
. "$(dirname "$0")/env.sh"
GEN="$BENCH_WORK/bin/gen"
COLUMNS=("$BENCH_PY" "$BENCH_KIT/gen/columns.py")
mkdir -p "$BENCH_DATA" "$BENCH_WORK/expected"
cd "$BENCH_DATA"

# A set is made in NAME.part and renamed, so that an interrupted run leaves no half set.
make_set() { # NAME COMMAND...: calls COMMAND FOLDER
  local name=$1; shift
  [ -d "$name" ] && return
  rm -rf "$name.part"
  "$@" "$name.part"
  mv "$name.part" "$name"
}

words()  { "$GEN" words "$2" "$1" 4; }
tera()   { "$GEN" tera "$2" "$1" 4; }
orders() { "$GEN" orders "$2" "$1" 4; }
groups() {
  "$GEN" groups "$2/raw" "$1"
  mkdir "$2/parquet"
  "${COLUMNS[@]}" to-parquet "$2/raw" "$2/parquet/groups.parquet"
}
star() {
  "$GEN" star "$2/raw" "$1"
  mkdir "$2/parquet"
  for table in fact dim; do "${COLUMNS[@]}" to-parquet "$2/raw/$table" "$2/parquet/$table.parquet"; done
}
tpch() {
  "$(dirname "$BENCH_PY")/tpchgen-cli" parquet -s "$1" --output-dir "$2/parquet"
  "${COLUMNS[@]}" from-parquet "$2/parquet/lineitem.parquet" "$2/raw/lineitem" \
    l_shipdate l_discount l_quantity l_extendedprice l_tax l_comment
}
nexmark() {
  "$GEN" nexmark "$2/json" "$1" 2
  "$BENCH_PY" "$BENCH_KIT/gen/nexmark_parquet.py" "$2"
}

reference() { # WORKLOAD SIZE IN
  local out="$BENCH_WORK/expected/$1-$2"
  [ -d "$out" ] && return
  rm -rf "$out.part" && mkdir -p "$out.part"
  case $1 in
    sort) "$GEN" valsort "$3"/*.txt > "$out.part/checksum" ;;
    nexmark) "$BENCH_PY" "$BENCH_KIT/gen/reference_nexmark.py" "$3" "$out.part" ;;
    *) BENCH_PASSES=1 "$BENCH_PY" "$BENCH_KIT/engines/duckdb_engine.py" "$1" "$3" "$out.part" > /dev/null ;;
  esac
  mv "$out.part" "$out"
}

batch_sets() { # TEXT BYTES ROWS SCALE
  make_set "words-$1" words "$2"
  make_set "tera-$1" tera $(($2 / 100))
  make_set "orders-$1" orders $(($2 / 10000 * 86))
  make_set "groups-$3" groups "${3%m}000000"
  make_set "star-$3" star "${3%m}000000"
  make_set "tpch-$4" tpch "${4#sf}"
  reference wordcount "$1" "words-$1"
  reference sort "$1" "tera-$1"
  reference csv "$1" "orders-$1"
  for keys in int-1k int-1m string-1k string-1m; do reference "groupby-$keys" "$3" "groups-$3/parquet"; done
  reference join "$3" "star-$3/parquet"
  reference scan "$4" "tpch-$4/parquet"
  reference tpch "$4" "tpch-$4/parquet"
}

# The final results of the continuous queries are checked at the small size only.
stream_sets() { # EVENTS
  make_set "nexmark-$1" nexmark "${1%m}000000"
  [ "$1" != 1m ] || reference nexmark 1m nexmark-1m
}

size="${1:-all}"
kind="${2:-all}"
if [ "$kind" != stream ] && [ "$size" != full ]; then batch_sets 100m 100000000 1m sf0.1; fi
if [ "$kind" != stream ] && [ "$size" != small ]; then batch_sets 1g 1000000000 10m sf1; fi
if [ "$kind" != batch ] && [ "$size" != full ]; then stream_sets 1m; fi
if [ "$kind" != batch ] && [ "$size" != small ]; then stream_sets 10m; fi
du -sh ./*

#!/bin/bash
# Installs the peers and builds the tools under $BENCH_WORK (about 2 GB, a few minutes); does nothing twice.
# Needs Python 3.11, Java 17, Maven, Go and gcc.
set -euo pipefail
. "$(dirname "$0")/env.sh"
FLINK_VERSION="${FLINK_VERSION:-2.3.0}"
HADOOP_VERSION="${HADOOP_VERSION:-3.4.1}"
cd "$BENCH_WORK"
mkdir -p bin data expected out logs jars

python_engines() {
  [ -x venv/bin/python ] || "${PYTHON:-python3.11}" -m venv venv
  venv/bin/pip install -q -r "$BENCH_KIT/requirements.txt"
}

# The two PyPI packages together are Flink's distribution: lib, opt, bin, conf.
flink_distribution() {
  [ -f "flink/lib/flink-dist-$FLINK_VERSION.jar" ] && return
  venv/bin/pip download -q --no-deps -d jars "apache-flink-libraries==$FLINK_VERSION" "apache-flink==$FLINK_VERSION"
  rm -rf tmp/wheels && mkdir -p tmp/wheels flink/log
  for wheel in jars/apache_flink*.whl; do python3 -m zipfile -e "$wheel" tmp/wheels; done
  cp -r tmp/wheels/pyflink/{lib,opt,bin,conf} flink/
  rm -rf tmp/wheels
}

# Flink's Parquet format and the Hadoop classes that it wants.
flink_formats() {
  [ -f "flink/ext/flink-sql-parquet-$FLINK_VERSION.jar" ] && return
  mvn -q -B -f "$BENCH_KIT/flink/pom.xml" -Dflink="$FLINK_VERSION" -Dhadoop="$HADOOP_VERSION" \
    dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$BENCH_WORK/jars/formats"
  mkdir -p flink/ext
  cp jars/formats/{flink-sql-parquet,hadoop-client-api,hadoop-client-runtime,commons-logging}-*.jar flink/ext/
}

flink_jobs() {
  rm -rf flink/bench && mkdir -p flink/bench
  javac -nowarn -d flink/bench -cp "flink/lib/*:flink/ext/*" "$BENCH_KIT"/flink/src/*.java
  cp -r "$BENCH_KIT/flink/META-INF" flink/bench/
}

tools() {
  (cd "$BENCH_KIT" && CGO_ENABLED=0 go build -o "$BENCH_WORK/bin/" ./gen ./limits ./latency)
  for name in wordcount sort; do
    gcc -O3 -march=native -o "bin/limit_$name" "$BENCH_KIT/limits/c/$name.c" -lpthread
  done
}

python_engines
flink_distribution
flink_formats
flink_jobs
tools
echo "setup done"

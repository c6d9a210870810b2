#!/usr/bin/env bash
# Fetches Kafka's jars into DIR/lib, by Maven (about half a minute the first time). Safe to run again, and several times at once.
#   fetch.sh VERSION DIR
# POM names the pom.xml to use, when it does not lie beside this script.
set -euo pipefail
version=$1 dir=$2 pom=${POM:-$(dirname "$0")/pom.xml}
mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9
[ -d "$dir/lib" ] && exit
command -v mvn >/dev/null || { echo "mvn is not installed: it fetches Kafka's jars" >&2; exit 1; }
rm -rf "$dir/lib.tmp"
mvn -q -B -f "$pom" -Dkafka.version="$version" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dir/lib.tmp"
mv "$dir/lib.tmp" "$dir/lib"

#!/usr/bin/env bash
# Fetches what the integration tests need and the machine may lack. Safe to run again, and several times at once.
#   fetch.sh jars VERSION DIR    Hadoop's jars into DIR/lib, by Maven (about a minute the first time)
#   fetch.sh kerberos            MIT krb5kdc, kadmin.local and kinit, by apt-get when run as root
# POM names the pom.xml to use, when it does not lie beside this script.
set -euo pipefail

jars() {
  local version=$1 dir=$2 pom=${POM:-$(dirname "$0")/pom.xml}
  mkdir -p "$dir"
  exec 9>"$dir/lock"
  flock 9
  [ -d "$dir/lib" ] && return
  command -v mvn >/dev/null || { echo "mvn is not installed: it fetches Hadoop's jars" >&2; exit 1; }
  rm -rf "$dir/lib.tmp"
  mvn -q -B -f "$pom" -Dhadoop.version="$version" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$dir/lib.tmp"
  mv "$dir/lib.tmp" "$dir/lib"
}

kerberos() {
  PATH=$PATH:/usr/sbin:/sbin
  command -v krb5kdc >/dev/null && command -v kadmin.local >/dev/null && command -v kinit >/dev/null && return
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "krb5kdc, kadmin.local or kinit is missing: install krb5-kdc, krb5-admin-server and krb5-user" >&2
    exit 1
  fi
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends krb5-kdc krb5-admin-server krb5-user
}

"$@"

#!/usr/bin/env bash
# Fuzz every target of the module, one after another.
#   scripts/fuzz.sh TIME [PACKAGES...]
# TIME is per target, as -fuzztime takes it: 10m, 3s, 500x. An input that fails is kept under the package's
# testdata/fuzz, where `go test` replays it; commit it with the fix.
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:?time per target, as in 10m}
shift
[ $# -gt 0 ] || set -- ./...

# Only folders with a target are compiled for fuzzing: it instruments all dependencies and costs as much as a race build.
go list -f '{{.Dir}}' "$@" | while read -r dir; do
	grep -lsq '^func Fuzz' "$dir"/*_test.go || continue
	package=$(go list "$dir")
	for target in $(go test -tags invariants -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "fuzz $package $target"
		go test -tags invariants -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package"
	done
done

#!/usr/bin/env bash
# Fuzz every target of the module, one after another.
#   scripts/fuzz.sh TIME [PACKAGES...]
# TIME is per target, as -fuzztime takes it: 10m, 3s, 500x. An input that fails is kept under the package's
# testdata/fuzz, where `go test` replays it; commit it with the fix. A failing target ends the run.
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:?time per target, as in 10m}
shift
[ $# -gt 0 ] || set -- ./...

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Go 1.26 may report its own deadline as the target's failure (go.dev/issue/75804; right from Go 1.27 on): the error then stands
# alone and no failing input was found.
ended_by_deadline() { grep -qx ' *context deadline exceeded' "$log" && ! grep -q 'Failing input' "$log"; }

fuzz() { # fuzz PACKAGE TARGET
	echo "fuzz $1 $2"
	go test -tags invariants -run '^$' -fuzz "^$2\$" -fuzztime "$time" "$1" </dev/null 2>&1 | tee "$log" || ended_by_deadline
}

# Only packages with a target are compiled for fuzzing, which instruments all they import.
go list -f '{{.Dir}} {{.ImportPath}}' "$@" | while read -r folder package; do
	grep -qs '^func Fuzz' "$folder"/*_test.go || continue
	targets=$(go test -tags invariants -list '^Fuzz' "$package" </dev/null)
	for target in $(grep '^Fuzz' <<<"$targets"); do
		fuzz "$package" "$target"
	done
done

#!/usr/bin/env bash
# Everything that must pass before a change goes in; `make test` and continuous integration call it.
#   scripts/test.sh [STEP...]
# Steps, in this order when none is named: vet layers unit race fuzz binary integration.
# Needs Go, a C compiler (for the race detector), and for the integration step a JDK and Maven. FUZZTIME (3s) is
# the time for each fuzz target.
set -euo pipefail
cd "$(dirname "$0")/.."

# Two packages at a time: tests of one package already use several cores, and their memory is bounded by it.
parallel=2
maxBinaryMB=60

# Packages where goroutines meet: the race detector costs five to ten times the time, so the others go without it.
concurrent='/(internal/(arena|budget|spill|sim)|columnar|metrics|vfs|hdfs|state|stream|shuffle|connectors|operator|plan|runner|dataset|datastream)(/|$)'

step_vet() {
	local unformatted
	unformatted=$(git ls-files -z -- '*.go' | xargs -0 gofmt -l)
	if [ -n "$unformatted" ]; then
		printf 'not formatted by gofmt:\n%s\n' "$unformatted"
		return 1
	fi
	go vet -tags 'integration invariants' ./...
}

step_layers() { go test ./internal/lint/...; }

step_unit() { CGO_ENABLED=0 go test -p $parallel -tags invariants -timeout 10m ./...; }

step_race() {
	local packages
	packages=$(go list ./... | grep -E "$concurrent" || true)
	[ -z "$packages" ] || CGO_ENABLED=1 go test -race -short -p $parallel -tags invariants -timeout 15m $packages
}

step_fuzz() { scripts/fuzz.sh "${FUZZTIME:-3s}"; }

step_binary() {
	make --no-print-directory build
	local bytes
	bytes=$(wc -c <bin/millrace)
	echo "bin/millrace: $((bytes / 1000000)) MB"
	if [ "$bytes" -ge $((maxBinaryMB * 1000000)) ]; then
		echo "bin/millrace has $bytes bytes, which is not under $maxBinaryMB MB"
		return 1
	fi
}

# Only packages with files tagged integration run here, one at a time: each starts daemons of its own. What they need
# of the real systems (Hadoop's jars by Maven, a KDC by apt-get) they fetch themselves, once a machine.
step_integration() {
	local folders
	folders=$( (git grep -lE '^//go:build .*integration' -- '*_test.go' || true) | xargs -r -n1 dirname | sort -u | sed 's|^|./|')
	[ -z "$folders" ] || go test -p 1 -tags 'integration invariants' -timeout 15m $folders
}

[ $# -gt 0 ] || set -- vet layers unit race fuzz binary integration
for step; do
	printf '\n=== %s\n' "$step"
	"step_$step"
done
printf '\nall passed: %s\n' "$*"

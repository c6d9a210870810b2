#!/usr/bin/env bash
# Run golangci-lint at a pinned version over the whole tree.
#   scripts/lint.sh VERSION [PACKAGES...]
# The linter is built from the module proxy on first use (about two minutes) and kept in bin/tools.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:?version, as in v2.15.0}
shift
linter=bin/tools/golangci-lint-$version

if [ ! -x "$linter" ]; then
	echo "building golangci-lint $version"
	made=$(mktemp -d)
	trap 'rm -rf "$made"' EXIT
	GOBIN=$made CGO_ENABLED=0 GOFLAGS=-trimpath go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version"
	mkdir -p bin/tools
	mv "$made/golangci-lint" "$linter"
fi

[ $# -gt 0 ] || set -- ./...
"$linter" run "$@"

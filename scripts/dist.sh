#!/usr/bin/env bash
# Build the release binaries: static, stripped, without paths of this machine, and so equal wherever they are built.
#   scripts/dist.sh VERSION
# Writes dist/millrace-VERSION-OS-ARCH and dist/SHA256SUMS.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:?version}
rm -rf dist
mkdir dist

for platform in linux/amd64 linux/arm64 darwin/arm64; do
	file=dist/millrace-$version-${platform/\//-}
	echo "building $file"
	CGO_ENABLED=0 GOOS=${platform%/*} GOARCH=${platform#*/} \
		go build -trimpath -ldflags "-s -w -X main.version=$version" -o "$file" ./cmd/millrace
done

cd dist
if command -v sha256sum >/dev/null; then sha256sum millrace-*; else shasum -a 256 millrace-*; fi >SHA256SUMS
cat SHA256SUMS

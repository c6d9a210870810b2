# `make` lists the targets. Recipes longer than a few lines live in scripts/, where each can also be run by hand.

# The linter's version: `make lint` fetches it, nothing has to be installed before.
GOLANGCI_LINT_VERSION := v2.15.0
# Time for each fuzz target of `make fuzz`.
FUZZTIME ?= 10m
# Time for `make soak`.
SOAK ?= 2h
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.DEFAULT_GOAL := help
.PHONY: help build demo test bench lint fuzz chaos chaos-real sim soak state dist size generate clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the static binary bin/millrace
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/millrace ./cmd/millrace

demo: build ## make text, count its words, show the top words and the times
	scripts/demo.sh

test: ## everything that must pass: vet, layers, unit, race, fuzz samples, binary size, real Hadoop
	scripts/test.sh

bench: build ## run the peers and Millrace on the same files, write tables to docs/benchmarks
	scripts/bench.sh

lint: ## run golangci-lint as .golangci.yml says
	scripts/lint.sh $(GOLANGCI_LINT_VERSION)

fuzz: ## fuzz each target for FUZZTIME (10m)
	scripts/fuzz.sh $(FUZZTIME)

chaos: ## try 1,000 seeds of faults on jobs in one process, and 1,000 on jobs as processes; tables to bin/chaos.md
	mkdir -p bin
	rm -f bin/chaos.md
	go test ./internal/chaos -run 'TestExactlyOnce|TestProcesses' -timeout 3h -parallel 8 -seeds 1000 -processes 1000 -report $(CURDIR)/bin/chaos.md

chaos-real: ## try 100 seeds on jobs as processes, with a real Kafka and HDFS, write a table to bin/chaos-real.md
	mkdir -p bin
	rm -f bin/chaos-real.md
	go test -tags integration ./internal/chaos -run TestReal -timeout 3h -parallel 4 -real 100 -report $(CURDIR)/bin/chaos-real.md

sim: ## try 5,000 seeds of faults on whole jobs in virtual time
	go test ./internal/sim -run TestExactlyOnce -timeout 3h -parallel 8 -seeds 5000

soak: ## run streaming jobs for SOAK (2h), one of them killed again and again; memory and output to bin/soak.md
	CGO_ENABLED=0 go build -trimpath -o bin/soak ./bench/soak
	bin/soak run --for $(SOAK) --report $(CURDIR)/bin/soak.md

state: ## update 10 M keys at 100 k a second in memory, with checkpoints, and on disk as fast as it goes (6 minutes)
	CGO_ENABLED=0 go build -trimpath -o bin/state ./bench/state
	bin/state --backend heap
	bin/state --backend lsm --rate 0 --seconds 60

dist: ## static binaries for linux and darwin in dist/, with checksums
	scripts/dist.sh $(VERSION)

size: ## print the longest files and functions and the largest packages
	@go run ./internal/lint/size

generate: ## rewrite generated code
	go generate ./...

clean: ## remove what the other targets made
	rm -rf bin dist

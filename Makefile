# wireproof. "make" alone says what there is.

# sudo resets PATH, and with it Go is often gone.
export PATH := $(PATH):/usr/local/go/bin:/usr/sbin:/sbin

.DEFAULT_GOAL := help
.PHONY: help build test test-full test-race bench fuzz fmt vet doctor

help: ## print this
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

build: ## make bin/wireproof, without cgo
	CGO_ENABLED=0 go build -o bin/wireproof ./cmd/wireproof

test: ## install what the tests need where it is missing, then run them all (as root, or with sudo)
	@.ci/test

test-full: ## the same, and what takes too long for every time: every part in real Mininet beside our own namespaces
	@WIREPROOF_FULL=1 .ci/test

test-race: ## all tests under the race detector (needs a C compiler)
	@bash -c '. .ci/lib.sh; CGO_ENABLED=1 go_test_root -race -count=1 ./...'

bench: ## run every benchmark
	@.ci/bench

fuzz: ## run every fuzz target for FUZZTIME (10s)
	@.ci/fuzz

fmt: ## format
	gofmt -w .

vet: ## go vet
	go vet ./...

doctor: ## what this machine can do, and what to install or run as for the rest
	go run ./cmd/wireproof doctor

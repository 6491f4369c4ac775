# Countersign. `make` alone says what there is.

SHELL := /bin/bash
CARGO ?= cargo
PYTHON ?= python3
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run dist test bench setup-tests fuzz fmt

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: tools ## build and start everything on this machine: `countersign dev`
	@$(CARGO) run --bin countersign -- dev $(ARGS)

dist: tools ## build the binary to install, target/dist/countersign: slower to build than `make run`, faster to run
	@$(CARGO) build --profile dist --bin countersign

test: tools ## everything CI runs: format, lints, tests, architecture, fuzzing, interoperability
	@$(PYTHON) .ci/test.py $(ARGS)

bench: tools ## figures beside nginx, HAProxy, Envoy, Caddy and oidc-provider (ARGS=--quick for a short one)
	@$(PYTHON) benches/bench.py $(ARGS)

setup-tests: ## install what the tests need: Debian packages, Python and Node clients
	@$(PYTHON) .ci/setup.py

fuzz: tools ## fuzz for long, with cargo-fuzz and a nightly toolchain (ARGS="token 600": target, seconds)
	@fuzz/run $(ARGS)

fmt: tools ## format the code
	@$(CARGO) fmt --all

.PHONY: tools
tools:
	@command -v $(CARGO) >/dev/null || { \
	  echo "There is no cargo here. Install Rust 1.95 or newer from https://rustup.rs, then try again." >&2; exit 1; }
	@command -v cc >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null || { \
	  echo "There is no C compiler here; cryptography and SQLite are built with one." >&2; \
	  echo "Debian: apt-get install build-essential   Fedora: dnf install gcc   macOS: xcode-select --install" >&2; exit 1; }

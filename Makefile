# Each target installs what it needs (pinned, into .local/), says what it does, and can be run twice.
# `make` alone lists them.

PORT ?= 4566
DOOR ?= 8080
ARCH ?= arm64
FUNCTION ?= dispatch
EVENT ?= events/dispatch-schedule.json
ROWS ?= 10000000
CONTACTS ?= 1000000
ONLY ?=
OWNER ?=
SEED ?= 7
FUZZ_CASES ?= 1000000

# Found before .local/tools/bin comes first: a Python can't replace the environment that it runs in.
PYTHON := $(shell command -v python3)
TOOLS := $(CURDIR)/.local/tools/bin
STACK := $(TOOLS)/python infra/local/stack.py --port $(PORT) --door $(DOOR)
# Its own state and ports, so that a running demo is not touched.
TEST_STATE := .local/test
TEST_STACK := $(TOOLS)/python infra/local/stack.py --state $(TEST_STATE) --port 4576 --door 8090 --lifetime 4800

export PATH := $(TOOLS):$(PATH)
export SAM_CLI_TELEMETRY := 0

.PHONY: help setup build up down demo peers browser screenshots test test-scale test-faults test-mutations test-soak test-fuzz check release bench-cold bench-console bench-cost bench-control bench-export bench-fairness bench-import bench-prepare bench-rate bench-redirect bench-reports deploy invoke account
.NOTPARALLEL:

help: ## this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

setup: ## install the emulator and the tools into .local/
	@$(PYTHON) infra/local/venvs.py

build: setup ## build the functions for this machine, quickly
	@echo "[make] building the functions (profile local)"
	@cargo lambda build --profile local --compiler cargo --lambda-dir target/lambda

up: build ## start the local stack, deploy to it, open the front door (PORT=4566 DOOR=8080)
	@$(STACK) up

down: setup ## stop the local stack; nothing of it is kept
	@$(STACK) down

demo: up ## send a real campaign through the local stack and show the result
	@$(TOOLS)/python infra/local/demo.py

peers: ## what tests compare with, into .local/: a real Kannel, and vendors' own libraries
	@$(PYTHON) infra/local/venvs.py judges
	@$(PYTHON) infra/local/kannel.py

test: build ## every test, against a local stack of its own
	@echo "[make] checking that the template fits the code"
	@$(TOOLS)/python infra/local/check_template.py
	@echo "[make] checking that the emulator's ordered partitions answer as sorted ones"
	@.local/ministack/bin/python infra/local/check_emulator.py
	@$(MAKE) --no-print-directory browser || echo "[make] going on without: the tests in a browser fail"
	@$(MAKE) --no-print-directory peers || echo "[make] going on without: the tests that need it fail and say so"
	@$(TEST_STACK) down
	@trap '$(TEST_STACK) down' EXIT; trap 'exit 130' INT TERM; set -e; \
	$(TEST_STACK) up; \
	echo "[make] cargo test"; \
	set -a; . $(TEST_STATE)/env; set +a; \
	cargo test --workspace --profile local --no-fail-fast; \
	echo "[make] the console in a browser"; \
	node --test --test-concurrency=1 tests/browser/

browser: ## what the browser tests need, into .local/browser: Playwright, axe, Debian's Chromium
	@$(PYTHON) infra/local/browser.py

screenshots: browser ## every page of the running console as a picture, into .local/screenshots/ (after make up; ONLY=campaign chooses)
	@test -f .local/env || { echo "no stack is up: make up"; exit 2; }
	@set -a; . .local/env; set +a; node tests/browser/screenshots.mjs "$(ONLY)"

test-scale: build ## 100,000 recipients through a local stack of its own; the memory of prepare and send
	@$(TOOLS)/python tests/bench/scale.py

test-faults: build ## breaks things on a local stack of its own: nothing lost, nothing sent twice (ONLY=send- chooses, SEED=7)
	@$(TOOLS)/python tests/faults/run.py --only "$(ONLY)" --seed $(SEED)

test-mutations: build ## takes one guarding line away at a time and shows that test-faults sees it (ONLY=lease chooses)
	@$(TOOLS)/python tests/mutations/run.py --only "$(ONLY)"

test-soak: build ## twenty campaigns at once and five minutes of random kills: every batch must add up (SEED=7)
	@$(TOOLS)/python tests/faults/soak.py --seed $(SEED)

test-fuzz: ## a million made-up answers and calls for every gateway's parsers (FUZZ_CASES=1000000)
	@echo "[make] reading $(FUZZ_CASES) made-up documents with every gateway's parsers"
	@CARILLON_FUZZ_CASES=$(FUZZ_CASES) cargo test --profile local -p carillon-gateways conformance

check: setup ## formatting, lints, licences of dependencies, templates
	@echo "[make] cargo fmt"
	@cargo fmt --all --check
	@echo "[make] cargo clippy"
	@cargo clippy --workspace --all-targets --profile local -- -D warnings
	@echo "[make] cargo deny"
	@cargo deny --log-level error --workspace check bans licenses sources
	@echo "[make] templates"
	@sam validate --lint >/dev/null
	@cfn-lint template.yaml infra/*.yaml
	@$(TOOLS)/python infra/local/check_template.py

release: setup # what the benchmarks run: the functions as they are deployed, for this machine
	@echo "[make] building the functions (release)"
	@cargo lambda build --release --compiler cargo --lambda-dir target/lambda-release

bench-cold: release ## what a new environment of each function costs: size, CPU, memory
	@$(TOOLS)/python tests/bench/cold.py

bench-console: build ## how long each page of the console takes, what it weighs and reads, with 100 contacts and with a million (CONTACTS=1000000)
	@$(TOOLS)/python tests/bench/console.py --contacts $(CONTACTS)

bench-redirect: ## the CPU that a click takes before it is answered (after make up)
	@test -f .local/env || { echo "no stack is up: make up"; exit 2; }
	@set -a; . .local/env; set +a; cargo test -q --profile local -p links -- --ignored --nocapture what_a_redirect_takes | grep "a redirect takes"

bench-cost: release build ## what a campaign costs at list prices, by counted calls; then as the local stack runs it
	@$(TOOLS)/python tests/bench/cost.py
	@$(TOOLS)/python tests/bench/cost.py --deployed

bench-control: build ## how long after its answer a pause, a resume and a cancel act
	@$(TOOLS)/python tests/bench/control.py

bench-fairness: build ## what a large campaign costs those beside it (FULL=1: 100,000 recipients)
	@$(TOOLS)/python tests/bench/fairness.py --recipients $(if $(FULL),100000,20000)

bench-export: build ## a million messages as CSV and as Parquet, of a ledger that is written directly (ROWS=1000000)
	@echo "[make] building the benchmark (profile local)"
	@cargo build --profile local --quiet -p export --example bench
	@$(TEST_STACK) down
	@trap '$(TEST_STACK) down' EXIT; trap 'exit 130' INT TERM; set -e; \
	$(TEST_STACK) up; set -a; . $(TEST_STATE)/env; set +a; \
	cargo run --profile local --quiet -p export --example bench -- $(if $(filter file,$(origin ROWS)),1000000,$(ROWS))

bench-import: up ## import a generated CSV into the running local stack, then dry, then undone: rows/s, CPU, memory (ROWS=1000000)
	@echo "[make] building the benchmark (profile local)"
	@set -a; . .local/env; set +a; \
	cargo run --profile local --quiet -p import --example bench -- $(if $(filter file,$(origin ROWS)),1000000,$(ROWS))

bench-prepare: ## prepare a generated CSV without AWS, show CPU and memory (ROWS=10000000)
	@echo "[make] building the benchmark (release)"
	@cargo run --release --quiet -p prepare --example bench -- $(ROWS)

bench-rate: build ## is a gateway's rate kept, used, changed, and what when it throttles or breaks, with eight workers
	@$(TOOLS)/python tests/bench/rate.py

bench-reports: build ## what digests cost a message, and what a report of thirty days reads with them and without (SENDS=1250 in an hour)
	@echo "[make] building the benchmark (profile local)"
	@cargo build --profile local --quiet -p api --example reports
	@$(TEST_STACK) down
	@trap '$(TEST_STACK) down' EXIT; trap 'exit 130' INT TERM; set -e; \
	$(TEST_STACK) up; set -a; . $(TEST_STATE)/env; set +a; \
	$(TOOLS)/python tests/bench/reports.py $${CARGO_TARGET_DIR:-target}/local/examples/reports --sends $(or $(SENDS),1250)

deploy: setup ## build for AWS and deploy with samconfig.toml; asks before it changes anything (ARCH=arm64)
	@echo "[make] building the functions (release, $(ARCH))"
	@rustup target add $(if $(filter arm64,$(ARCH)),aarch64,x86_64)-unknown-linux-gnu
	@cargo lambda build --release --$(if $(filter arm64,$(ARCH)),arm64,x86-64) --lambda-dir target/lambda
	@sam deploy $(if $(filter-out arm64,$(ARCH)),--parameter-overrides Architecture=$(ARCH))

invoke: setup ## invoke one function of the local stack (FUNCTION=dispatch EVENT=events/….json)
	@test -f .local/env || { echo "no stack is up: make up"; exit 2; }
	@set -a; . .local/env; set +a; \
	cargo lambda invoke --remote --endpoint-url "$$AWS_ENDPOINT_URL" --data-file $(EVENT) \
		carillon-$(patsubst send,send-bulk,$(FUNCTION))

account: setup ## make an account on the local stack and show its key once (NAME=… OWNER=ada@example.com)
	@test -n "$(NAME)" || { echo "say whose: make account NAME=…"; exit 2; }
	@$(STACK) account "$(NAME)"$(if $(OWNER), --owner "$(OWNER)")

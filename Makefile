# Builds, tests and shows everything. Each target does its own set-up on a machine that has Rust,
# Python 3.10 or newer and Node 20 or newer.

PYTHON ?= python3
VENV := python/.venv
ENGINES := tests/engines
BIN := $(abspath $(VENV)/bin)
CARGO_TARGET := $(shell cargo metadata --no-deps --format-version 1 2>/dev/null | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
export PATH := $(BIN):$(PATH)

.PHONY: demo docs prepare test-built test test-layout test-rust test-python test-node test-quota test-engines test-readme soak fuzz bench generate gates clean python node servers

test: test-layout prepare test-rust test-python test-node test-quota test-engines test-readme

demo: python node servers
	@$(PYTHON) tests/demo/demo.py

# The guide, in English and Chinese, into target/guide.
docs: $(VENV)/docs
	@for language in en zh; do \
	    NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --config-file crates/ikcrm/docs/$$language.yml || exit; \
	done

# --- set-up -----------------------------------------------------------------------------------

python: $(VENV)/ready
	cd python && PIP_QUIET=1 maturin develop --quiet

# Everything that is fetched, while the tests of Rust are compiled.
prepare:
	@+$(MAKE) --no-print-directory --jobs=3 test-built $(VENV)/docs $(ENGINES)/.venv/ready \
	    node/node_modules/.package-lock.json $(ENGINES)/node/node_modules/.package-lock.json

test-built:
	+cargo test --quiet --all-features --no-run

$(VENV)/ready: python/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	cd python && $(BIN)/pip install --quiet --no-compile --group dev
	touch $@

$(VENV)/docs: crates/ikcrm/docs/requirements.txt $(VENV)/ready
	$(BIN)/pip install --quiet --no-compile --requirement $<
	touch $@

node: node/node_modules/.package-lock.json
	cd node && npm run --silent build:debug

node/node_modules/.package-lock.json: node/package-lock.json
	cd node && npm ci --no-fund --no-audit --silent

# As `cargo test` builds them, so that nothing is built twice.
servers:
	cargo build --quiet --profile test --all-features --bins --examples

# --- tests ------------------------------------------------------------------------------------

test-layout:
	$(PYTHON) -m unittest discover --quiet --start-directory tests/layout

test-rust:
	cargo test --quiet --all-features

test-python: python servers
	cd tests/python && pytest -q -n 3

test-node: node servers
	cd node && npm test --silent

test-quota: python node servers
	cd tests/quota && pytest -q -rs

# With packages of its own: no user of ikcrm needs them.
test-engines: python node servers $(ENGINES)/.venv/ready $(ENGINES)/node/node_modules/.package-lock.json
	cd $(ENGINES) && PYTHONPATH=$(abspath python/src):$(abspath python/examples) .venv/bin/pytest -q -rs -n 3

$(ENGINES)/.venv/ready: $(ENGINES)/requirements.txt
	$(PYTHON) -m venv $(ENGINES)/.venv
	$(ENGINES)/.venv/bin/pip install --quiet --no-compile -r $(ENGINES)/requirements.txt
	touch $@

$(ENGINES)/node/node_modules/.package-lock.json: $(ENGINES)/node/package-lock.json
	cd $(ENGINES)/node && npm ci --ignore-scripts --no-fund --no-audit --silent

test-readme: python node servers
	cd tests/readme && pytest -q

# What takes too long for every day: the quota's simulation over ten thousand schedules of each kind, a job
# of 500 rows that is killed 300 times, and a sheet with as many rows as Excel takes.
soak: python
	cd tests/python && IKCRM_SHEET_ROWS=1048576 pytest -q -o faulthandler_timeout=0 test_hostile_sheets.py -k many_rows_take
	IKCRM_KILLS=300 IKCRM_KILL_ROWS=500 cargo test --quiet -p ikcrm-conformance --test kill
	IKCRM_SCHEDULES=10000 cargo test --quiet --all-features -p ikcrm --lib simulation

# Looks for inputs that break the core, by SECONDS for each of the TARGETS; see tests/fuzz/run.sh.
fuzz:
	tests/fuzz/run.sh $(or $(SECONDS),60) $(TARGETS)

# --- gates ------------------------------------------------------------------------------------

gates:
	.ci/gates

generate: python
	$(PYTHON) tests/contract/generate.py
	cargo fmt
	cd python && ruff format --quiet
	$(MAKE) --no-print-directory python node
	cd node && npm run --silent build:native
	cd python && maturin generate-stubs --quiet --features stubs --out src

bench: python node
	cargo build --quiet --release -p ikcrm-bench -p ikcrm-sandbox --bins
	$(BIN)/pip install --quiet -r tests/bench/requirements.txt
	cd python && maturin develop --quiet --release
	cd node && npm run --silent build
	cd tests/bench/node && npm ci --no-fund --no-audit --silent
	$(BIN)/python tests/bench/bench.py
	$(BIN)/python tests/bench/quota.py
	$(BIN)/python tests/bench/events.py
	$(BIN)/python tests/bench/sheets.py
	$(BIN)/python tests/bench/jobs.py
	$(BIN)/python tests/bench/slot.py
	$(BIN)/python tests/bench/waiting.py

clean:
	cargo clean
	rm -rf $(VENV) node/node_modules node/dist $(ENGINES)/.venv $(ENGINES)/node/node_modules

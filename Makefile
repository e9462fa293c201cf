# Every target makes .venv first; see docs/development.md.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
# shared benchmark data beside the checkout, where there is some; tests that need it skip without
ifneq ($(wildcard ../shared),)
export RTLGEN_DATA ?= $(abspath ../shared)
endif

.PHONY: help setup demo test test-slow lint bench docs constraints clean

help: ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv, install rtlgen, its tools and the Debian packages
	@tools/setup.sh

demo: setup ## optimize a shipped example and show the table before and after
	$(BIN)/rtlgen optimize examples/fir/fir.sv --top fir --budget 45 --out rtlgen-out/demo

lint: setup ## ruff, mypy and import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint ## the whole test command: lint, wheel check, examples, doctests and tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: setup ## the long tests only
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

bench: setup ## measure speed and gain: every script of benchmarks/perf
	@shopt -s nullglob; for script in benchmarks/perf/[a-z]*.py; do \
	  args=(); [[ $$script == */bench_optimize.py ]] && args=(examples pairs --budget 20); \
	  echo "== $$script $${args[*]}"; $(BIN)/python "$$script" "$${args[@]}"; \
	done

docs: setup ## build the manual into site/; a warning is an error
	$(BIN)/mkdocs build --strict --quiet --site-dir site

constraints: setup ## resolve every dependency anew and pin it in constraints.txt
	tools/constraints.sh

clean: ## remove what the other targets made
	rm -rf .venv build site rtlgen-out .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info

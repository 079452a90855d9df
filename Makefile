SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One more than the cores of the smallest machine we know: tests mostly wait for servers that start and stop.
WORKERS ?= 3

# pip prints hundreds of lines or none; this keeps one line per file that really travels.
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -e
SHOW = sed -n -u -e 's/^ *Downloading \([^ ]*\) \(.*\)/    \1 \2/p' -e '/^ERROR/p'

.PHONY: help run test races faults mutants lint format bench snapshot install clean

help: ## Show what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: $(VENV)/.installed ## Start everything with a demo: embedded Postgres, API, agents that spend
	@exec $(BIN)/controlplane up --demo $(ARGS)

install: $(VENV)/.installed-dev ## Make .venv with the tools for development

lint: $(VENV)/.installed-dev ## ruff, mypy, import-linter, squawk
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/lint_migrations.py

format: $(VENV)/.installed-dev ## Let ruff put the Python in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

test: lint ## Everything: linters, then the tests on PostgreSQL 18, then those of the database on 16
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal --durations 15
	@echo "==> the same on PostgreSQL 16: migrations and SQL"
	@CONTROLPLANE_TEST_POSTGRES=16 $(BIN)/pytest -n $(WORKERS) --dist worksteal tests/migration tests/sql

bench: $(VENV)/.installed-dev ## Our rows against the yardsticks, and what grows: table, JSON, plot; ARGS=--help tells more
	@$(BIN)/python -m bench $(ARGS)

races: $(VENV)/.installed-dev ## Race sixteen connections over so many other worlds: make races RACES=200
	@CONTROLPLANE_TEST_RACES=$(or $(RACES),100) CONTROLPLANE_TEST_FIRST_RACE=$$(date +%s) $(BIN)/pytest -n $(WORKERS) tests/concurrency/test_histories.py

faults: $(VENV)/.installed-dev ## Kill Postgres and cut wires under load so many times, and all other faults: make faults ROUNDS=50
	@CONTROLPLANE_TEST_ROUNDS=$(or $(ROUNDS),50) $(BIN)/pytest --timeout 0 tests/faults

mutants: $(VENV)/.installed-dev ## Slips in the kernel's SQL, and which of them the tests notice; ARGS=--help tells more
	@$(BIN)/python -m tests.mutants $(ARGS)

snapshot: $(VENV)/.installed-dev ## Write sql/schema.snapshot.sql anew from the migrations
	@$(BIN)/python scripts/write_snapshot.py

clean: ## Remove what was built and installed (no data)
	@rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name it with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "==> making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "venv failed; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "==> installing (about a minute the first time)"
	@$(INSTALL) . | $(SHOW)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	@echo "==> installing with the tools for development (about a minute the first time)"
	@$(INSTALL) '.[dev]' | $(SHOW)
	@touch $@ $(VENV)/.installed

# Two commands do everything: `make run` and `make test`. Both install first, once per lock file.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
.DEFAULT_GOAL := run
.PHONY: install run test dashboard dagster lint bench dictionary

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@echo "Installing the locked dependencies into $(VENV) (once; about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $(STAMP)

run: install
	@$(BIN)/orderhouse demo

test: install
	@$(BIN)/python -m pytest

lint: install
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m models.dictionary --check

dashboard: install
	@$(BIN)/orderhouse dashboard

dagster: install
	@$(BIN)/orderhouse dagster

bench: install
	@$(BIN)/python -m bench

dictionary: install
	@$(BIN)/python -m models.dictionary

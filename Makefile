# Every target works from a fresh clone; what is missing is installed first.
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

help:  ## show this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(READY): requirements/dev.txt pyproject.toml
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	    apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
	  else
	    echo "python3 has no venv module: install it first (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1
	  fi
	fi
	echo "installing the development environment into $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

check: $(READY)  ## format, lint, types, layers, generated files (seconds)
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --no-error-summary
	mkdir -p build
	$(BIN)/lint-imports --no-cache >build/lint-imports.log 2>&1 || { cat build/lint-imports.log; exit 1; }
	$(BIN)/python -m loadtest_operator.model.generate --check
	echo "check: ok"

generate: $(READY)  ## write crds/, docs/reference.md and manifests/install.yaml from the models
	@$(BIN)/python -m loadtest_operator.model.generate

unit: $(READY)  ## tests without any I/O
	@$(BIN)/pytest tests/unit

.PHONY: help check generate unit

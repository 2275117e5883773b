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
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
	  echo "$$($(PYTHON) --version) is too old, 3.11 or later is needed: make PYTHON=python3.13 ..., for instance" >&2; exit 1; }
	if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then
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
	$(BIN)/python -m loadtest_operator.generate --check
	echo "check: ok"

generate: $(READY)  ## write what is made from code: crds/, install.yaml, reference, settings
	@$(BIN)/python -m loadtest_operator.generate

unit: $(READY)  ## tests without any I/O
	@$(BIN)/pytest tests/unit

api: $(READY)  ## tests against a real API server (starts etcd and kube-apiserver on loopback)
	@$(BIN)/pytest tests/api

faults: $(READY)  ## 10,000 random histories of the operator on a modelled cluster (minutes, all cores)
	@$(BIN)/pytest tests/faults

crash: $(READY)  ## kill the operator after each of its writes in turn (some minutes)
	@$(BIN)/pytest tests/crash

e2e: $(READY)  ## tests on a real node: kubelet, pods, Locust (finds or starts a cluster)
	@$(BIN)/pytest tests/local tests/page tests/agent tests/e2e

test: $(READY)  ## everything; builds or finds the cluster by itself
	@mkdir -p build
	log=build/testcluster.log
	was_up=$$(for n in 0 1 2; do LOADTEST_CLUSTER=$$n $(BIN)/python -m tests.testcluster status 2>/dev/null | grep -q '^node: up' && echo -n " $$n " || true; done)
	# The programs and images take minutes on a new machine: they are made while the unit tests run.
	$(BIN)/python -m tests.testcluster build >$$log 2>&1 & building=$$!
	# Clusters that were not there before are not left behind.
	leave() {
	  kill $$building 2>/dev/null || true
	  for n in 0 1 2; do [[ $$was_up == *" $$n "* ]] || LOADTEST_CLUSTER=$$n $(BIN)/python -m tests.testcluster down >>$$log 2>&1 || true; done
	}
	trap leave EXIT
	make --no-print-directory check
	$(BIN)/pytest tests/unit -n 2 --dist loadscope
	# It takes all cores by itself.
	$(BIN)/pytest tests/faults
	echo "waiting for the cluster's programs and images (log: $$log)"
	wait $$building || { tail -n 40 $$log; exit 1; }
	# Rooms beside each other, the tests of a room in their order: tests/conftest.py.
	$(BIN)/pytest tests --ignore tests/unit --ignore tests/faults -n 3 --dist loadscope --no-loadscope-reorder $(TEST_ARGS)

cluster-up: $(READY)  ## start the test cluster, or find the one that runs
	@$(BIN)/python -m tests.testcluster up

cluster-down: $(READY)  ## stop it; the machine is as it was before
	@$(BIN)/python -m tests.testcluster down

image: $(READY)  ## build the project's image and load it into the test cluster
	@$(BIN)/python -m tests.testcluster image

demo: $(READY)  ## a regression is found on this machine, without a cluster
	@$(BIN)/loadtest demo || [ $$? = 3 ]  # 3: Regressed, which is what it is to show

bench: $(READY)  ## measure the operator and print it beside its budgets and its peers
	@$(BIN)/python -m tests.bench

soak: $(READY)  ## 200 runs in a row and 20 at once: nothing of the operator may grow (some 20 minutes)
	@$(BIN)/python -m tests.bench.soak

verdict-eval: $(READY)  ## how often the verdict is right: real runs and synthetic services, seeds fixed
	@$(BIN)/python -m tests.verdict_eval

.PHONY: soak verdict-eval help check generate unit api faults crash e2e test cluster-up cluster-down image demo bench

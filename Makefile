# Needs Python 3.11 or newer and make; everything else is installed into .venv/.
.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin

# The newest Python that really runs (a shim may stand for one that is not installed) and can
# make virtual environments.  Another one: make setup PYTHON=/path/to/python3.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
		2>/dev/null && { echo $$python; break; }; done)

# uv installs ten times faster; where it is not to be had, or does not know this machine's
# package index (it does not read pip's configuration), pip does the same.
define install
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --upgrade >/dev/null
	@echo "installing $(1) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv >/dev/null 2>&1 || true
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --requirement $(1) 2>/dev/null \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $(1)
endef

# What benchmarks are measured against is installed here.
PEERS := .venv-bench
PACKAGES := config markets models_ml betting settlements monitoring
# One more than there are cores: some tests wait for processes, and none for another test.
TEST_WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')
FAULT_FACTOR ?= 15

.PHONY: help
help:  ## Show what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: up
up: $(VENV)/.installed  ## Run everything: database, broker, web, workers, beat, a simulated league
	@exec $(BIN)/python manage.py up

.PHONY: setup
setup: $(VENV)/.installed  ## Make .venv/ and install what the product needs

.PHONY: test
test: lint  ## Check style and types, and run every test but the browser's
	$(BIN)/pytest -q -n $(TEST_WORKERS) --dist worksteal

.PHONY: lint
lint: $(VENV)/.installed-dev  ## Check style, layers and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy --num-workers 2 $(PACKAGES)

.PHONY: e2e
e2e: $(VENV)/.installed-dev  ## Drive a real browser through a running system
	$(BIN)/pytest -q tests/e2e

.PHONY: faults
faults: $(VENV)/.installed-dev  ## Kill, restart and cut processes, fifteen times the count of make test
	FAULT_FACTOR=$(FAULT_FACTOR) $(BIN)/pytest -q -m faults
	TOLD_EXAMPLES=$$((5 * $(FAULT_FACTOR))) $(BIN)/pytest -q tests/flows/test_results_told.py

.PHONY: real
real: $(VENV)/.installed-dev  ## Read every real source of REAL_DATA_DIR, learn and replay on it, and count
	@test -d "$(REAL_DATA_DIR)" || { echo "make real REAL_DATA_DIR=/folder/of/real/files" >&2; exit 1; }
	$(BIN)/pytest -q -n $(TEST_WORKERS) tests/real -m real

.PHONY: model-table
model-table: $(VENV)/.installed  ## Score the models on the last season loaded, into docs/evaluation.md
	$(BIN)/python manage.py model_table --write docs/evaluation.md

.PHONY: bench
bench: $(VENV)/.installed-dev  ## Measure against the peers; appends to benchmarks/results/
	EVIDENTLY_PYTHON=$(CURDIR)/$(PEERS)/evidently/bin/python \
		$$(test -x $(PEERS)/bin/python && echo $(PEERS)/bin/python || echo $(BIN)/python) \
		-m benchmarks $(ROWS)

.PHONY: bench-peers
bench-peers: $(VENV)/.installed  ## Install what make bench measures against, into .venv-bench/
	$(BIN)/python -m venv --clear $(PEERS)
	$(BIN)/python -m venv --clear $(PEERS)/evidently
	$(BIN)/uv pip install --quiet --python $(PEERS)/bin/python --requirement requirements-dev.txt
	@grep -v '^#' requirements-bench.in | while read -r peer; do \
		$(BIN)/uv pip install --quiet --python $(PEERS)/bin/python \
			--constraint requirements.txt "$$peer" && echo "installed: $$peer" \
			|| echo "not installed: $$peer"; \
	done
	@$(BIN)/uv pip install --quiet --python $(PEERS)/evidently/bin/python evidently 'pandas<3' \
		&& echo "installed: evidently" || echo "not installed: evidently"

.PHONY: clean
clean:  ## Remove .venv/ and caches; your data in .local/ stays
	rm -rf $(VENV) $(PEERS) .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.local/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer (with venv) was found;" \
		"on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "making $(VENV) with $(PYTHON) ..."
	@$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.installed: requirements.txt | $(BIN)/python
	$(call install,requirements.txt)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(call install,requirements-dev.txt)
	@touch $@

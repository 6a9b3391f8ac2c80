# Everything here sets itself up: all it takes is make and Python 3.11, 3.12 or 3.13.

PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready

# dagster, dbt and chimera are found as commands, also by what starts them in turn.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

# A package index that is set for pip applies to this installation too.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

# Tests go in as many processes as there are cores, at most four; TESTS=tests/lake for a part.
TESTS ?=
WORKERS ?= $(shell $(PYTHON) -c "import os; print(min(4, os.cpu_count() or 1))" 2>/dev/null || echo 1)

# What deletes, restores or grants: nothing of it may be untested.
CAREFUL := access/* audit/* audit/tlog/* audited_context.py cli/confirmation.py lake/adoption.py \
	lake/encoder.py lake/file_commit.py lake/log_retention.py lake/new_files.py lake/removal.py \
	lake/replacement.py lake/restore.py lake/vacuum.py lake/writing.py lifecycle/* \
	orchestration/web/guard.py postgres/embedded/access.py postgres/embedded/cluster.py \
	postgres/embedded/passwords.py postgres/embedded/place.py postgres/embedded/provision.py \
	postgres/platform/logins.py postgres/platform/migration.py postgres/platform/migrations/* \
	postgres/platform/migrations/versions/* quality/migration/* \
	sources/landing/taking_back.py spool.py system_tables/deletion_log.py \
	system_tables/legal_holds.py

.DEFAULT_GOAL := help
.PHONY: help demo up test criteria soak mutants coverage lint lint-code lint-types lint-layers lint-sql \
	lint-contracts lint-yaml bench pictures setup clean

help: ## Say what there is to make.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: export DAGSTER_HOME := $(CURDIR)
demo: $(READY) ## Make a week of traffic and run it through every layer; ends with a summary.
	@chimera demo

up: export DAGSTER_HOME := $(CURDIR)
up: $(READY) ## Start the Dagster web page and daemon on what the demo made.
	@chimera up

# A worker that dies ends the run at once: with a new one in its place, this way of sharing files
# out waits for ever at the end (pytest-xdist 3.8).
SHARED := -n $(WORKERS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0

test: $(READY) ## Run all tests; they start and stop their own servers.
	@python -m pytest -q $(SHARED) $(TESTS)

criteria: $(READY) ## Run the tests that prove criteria of the specification; makes docs/criteria.md.
	@python -m pytest -q $(SHARED) -m criterion --criteria

soak: $(READY) ## Every fault many times, then all tests in random order (an hour); SEED=n repeats a run.
	@SOAK=1 python -m pytest -q -n $(WORKERS) --maxschedchunk 1 tests/faults tests/orchestration/test_gate.py \
		tests/reports/evidence/test_fuzz.py
	@SHUFFLE=$${SEED:-$$(date +%s)} python -m pytest $(SHARED) $(TESTS)

mutants: $(READY) ## Count the small changes that tests notice; ROOMS="lake" SAMPLE=3 SEED=1.
	@uv pip install --quiet --python $(VENV)/bin/python -c constraints.txt --group mutants
	@python -m tests.mutants $(ROOMS) $(addprefix --sample ,$(SAMPLE)) $(addprefix --seed ,$(SEED))

coverage: $(READY) ## Measure what tests run of the package, in all its processes.
	@coverage erase
	@coverage run -m pytest -q $(SHARED) $(TESTS)
	@coverage combine --quiet
	@coverage report --skip-covered; whole=$$?; \
		printf '\nWhat deletes, restores or grants:\n'; \
		coverage report --skip-covered --show-missing --fail-under=100 \
			--include="$$(printf 'chimera_assets/%s,' $(CAREFUL:%='%'))" && exit $$whole

lint: lint-code lint-types lint-layers lint-sql lint-contracts lint-yaml ## Run every check of the code.

lint-code: $(READY)
	@ruff check --quiet .
	@ruff format --check --quiet .

lint-types: $(READY)
	@mypy --no-error-summary

lint-layers: $(READY)
	@lint-imports --no-logo

lint-sql: $(READY)
	@sqlfluff lint --nocolor --disable-progress-bar --config dbt_project/.sqlfluff \
		$(wildcard chimera_assets/packs/*/models chimera_assets/packs/*/analyses \
			chimera_assets/packs/_template/*/models)

lint-contracts: $(READY)
	@chimera contract check
	@chimera pack check
	@chimera contract sources --check

lint-yaml: $(READY)
	@yamllint --strict .

bench: $(READY) ## Measure; prints a table, writes JSON to benchmarks/results.
	@python -m benchmarks

pictures: $(READY) ## Make the terminal's pictures of README.md anew.
	@python docs/images/remake.py

setup: $(READY) ## Only create .venv and install the pinned packages; all others do it as needed.

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" 2>/dev/null || { \
		echo "make: PYTHON=$(PYTHON): expected Python 3.11 to 3.13, found" \
			"$$($(PYTHON) --version 2>&1 | tail -n 1); choose another: make PYTHON=python3.12" >&2; \
		exit 2; }
	@test -x $(VENV)/bin/python || { echo "Creating $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@echo "Installing the packages of constraints.txt ..."
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	@$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python -c constraints.txt \
		--build-constraints constraints.txt --editable '.[reports]' --group test --group lint --compile-bytecode
	@touch $@

clean: ## Remove .venv, caches and what builds leave; keeps .chimera, the demo's data.
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache .hypothesis .coverage* dbt_project/target dbt_project/logs \
		benchmarks/results benchmarks/.peers
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

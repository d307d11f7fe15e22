# Everything a person types. `make` alone lists it.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
DATA ?= ../shared/data

.DEFAULT_GOAL := help
.PHONY: help demo dev test check format coverage bench bench-files bench-windows lock clean

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Windrow needs Python 3.11 or newer, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## drop the sample files, run the pipeline, show what happened
	@$(BIN)/pipeline demo

dev: $(READY) ## start Dagster's web page, sensors and schedules (http://localhost:3000)
	DAGSTER_HOME=$(CURDIR) DAGSTER_DISABLE_TELEMETRY=1 $(BIN)/dagster dev

test: $(READY) ## run all tests
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

check: $(READY) ## lint, formatting, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## put the code into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: $(READY) ## run all tests and say which lines they reach
	$(BIN)/python -m pytest -q --cov --cov-report=term-missing:skip-covered

bench: $(READY) ## measure speed and memory against the same work done otherwise
	$(BIN)/python -m benchmarks

bench-files: $(READY) ## measure reading; DIR=folder: also a table of the files in it
	$(BIN)/python -m benchmarks reading $(if $(DIR),--dir "$(DIR)")

bench-windows: $(READY) ## measure windows: ways to compute them, repair, reading, loading of definitions
	$(BIN)/python -m benchmarks window-ways window-repair window-reading window-load

lock: $(READY) ## resolve the dependencies anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--extra dev pyproject.toml --output-file requirements.lock

clean: ## remove what was made, but for your data
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

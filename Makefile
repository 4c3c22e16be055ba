# Two commands on a fresh machine: `make demo` runs the main job, `make test` passes the tests.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export DAGSTER_HOME ?= $(CURDIR)/.dagster

.PHONY: help setup demo test lint dev bench quality calibrate lock clean

help: ## Say what each command does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

setup: $(VENV)/.installed $(DAGSTER_HOME)/dagster.yaml ## Make the environment in .venv

$(VENV)/.installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is missing: install it, or run make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(DAGSTER_HOME)/dagster.yaml: dagster.yaml
	mkdir -p $(@D)
	cp dagster.yaml $@

demo: setup ## Run the main job, MovieLens files to recommendations
	$(BIN)/reco demo

dev: setup ## Open the lineage view on port 3000
	$(BIN)/dagster dev --workspace workspace.yaml --host 127.0.0.1

test: setup ## Lint, types, and the tests on both engines
	sh tests/run.sh

lint: setup ## Lint and types alone
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: setup ## Time each stage; ARGS="--data synthetic-20m --engine embedded" for more
	$(BIN)/python bench/run.py $(ARGS)

quality: setup ## Measure the model on ml-latest-small, mean of three seeds
	$(BIN)/python bench/quality.py $(ARGS)

calibrate: setup ## Measure how often either drift policy retrains, with drift and without
	$(BIN)/python bench/calibrate.py $(ARGS)

lock: ## Resolve pyproject.toml again into requirements.lock (needs uv)
	uv pip compile pyproject.toml --group dev --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock

clean: ## Remove the environment and what the demo made
	rm -rf $(VENV) .dagster data

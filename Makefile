# Two commands on a fresh machine: `make demo` runs the main job, `make test` passes the tests.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
AIRFLOW := .airflow
AIRFLOW_HOME := $(CURDIR)/$(AIRFLOW)/home
AIRFLOW_PORT ?= 8081
UV_FLAGS := --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet
export DAGSTER_HOME ?= $(CURDIR)/.dagster

.PHONY: help setup evidently demo test lint dev bench bench-quality quality calibrate lock clean
.PHONY: airflow-env airflow-up airflow-trigger-dag test-airflow airflow-lock

define need_python
@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is missing: install it, or run make PYTHON=/path/to/python3.11"; exit 1; }
endef

help: ## Say what each command does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 21

setup: $(VENV)/.installed $(DAGSTER_HOME)/dagster.yaml ## Make the environment in .venv, and the folder for new ratings
	@mkdir -p "$${STREAMING_PATH:-$${LAKEHOUSE_PATH:-data}/streaming}"

$(VENV)/.installed: requirements.lock pyproject.toml
	$(need_python)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(DAGSTER_HOME)/dagster.yaml: dagster.yaml
	mkdir -p $(@D)
	cp dagster.yaml $@

evidently: $(VENV)/.evidently ## Add Evidently to the environment: drift reports of its own

$(VENV)/.evidently: $(VENV)/.installed requirements-evidently.lock
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-evidently.lock
	touch $@

demo: setup ## Run the main job, ratings to recommendations; on synthetic ones where there are no others
	$(BIN)/reco demo --synthetic $(ARGS)

dev: setup ## Open the lineage view on port 3000
	$(BIN)/python -m reco_assets.web dev --workspace workspace.yaml --host 127.0.0.1

test: setup ## Lint, types, and the tests on both engines
	sh tests/run.sh

lint: setup ## Lint and types alone
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: setup bench-quality ## Time each stage; ARGS="--data synthetic-20m --engine embedded" for more; and the checks
	$(BIN)/python bench/run.py $(ARGS)

bench-quality: setup .venv-quality/.installed ## Time the checks of 5 M ratings, and the same in pandera and cuallee
	$(BIN)/python bench/quality_checks.py

.venv-quality/.installed: bench/requirements-quality.lock
	$(need_python)
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --no-deps --require-hashes -r $<
	touch $@

quality: setup ## Measure the model on ml-latest-small, mean of three seeds
	$(BIN)/python bench/quality.py $(ARGS)

calibrate: setup ## Measure how often either drift policy retrains, with drift and without
	$(BIN)/python bench/calibrate.py $(ARGS)

airflow-env: $(AIRFLOW)/venv-2/.installed $(AIRFLOW)/venv-3/.installed ## Make an environment for each Airflow line

$(AIRFLOW)/venv-%/.installed: airflow/requirements-%.lock
	$(need_python)
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --no-deps --require-hashes -r $<
	touch $@

airflow-up: setup evidently $(AIRFLOW)/venv-3/.installed ## Start Airflow 3 with the exported DAGs on port 8081
	$(AIRFLOW)/venv-3/bin/python airflow/up.py --home $(AIRFLOW_HOME) --port $(AIRFLOW_PORT)

airflow-trigger-dag: ## Trigger a DAG of that Airflow; dag=ID
	@$(PYTHON) airflow/trigger.py --port $(AIRFLOW_PORT) $(dag)

test-airflow: setup airflow-env ## The exported DAGs in both Airflow lines, shimmed and for real
	sh tests/run_airflow.sh

lock: ## Resolve pyproject.toml again into requirements*.lock (needs uv)
	uv pip compile pyproject.toml --group dev $(UV_FLAGS) --output-file requirements.lock
	uv pip compile pyproject.toml --extra evidently --constraints requirements.lock $(UV_FLAGS) $$(sed -n 's/^\([a-z0-9][^=[]*\).*==.*/--no-emit-package \1/p' requirements.lock) --output-file requirements-evidently.lock
	sed -i '/^$$/,$$d' requirements-evidently.lock

airflow-lock: ## Resolve the exported requirements again into airflow/requirements-*.lock (needs uv)
	for line in 2 3; do uv pip compile airflow/dags/requirements-airflow-$$line.txt airflow/requirements-test.txt --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet --output-file airflow/requirements-$$line.lock || exit 1; done

clean: ## Remove the environment and what the demo made
	rm -rf $(VENV) .venv-quality $(AIRFLOW) .dagster data

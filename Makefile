# Two commands on a fresh machine: `make demo` runs the main job, `make test` passes the tests.
ifndef PYTHON
PYTHON := $(shell sh tools/find_python.sh)
endif
# Apache Spark and the embedded engine's client of it share files: each has its environment.
VENV := $(if $(filter spark,$(RECO_ENGINE))$(SPARK_MASTER)$(SPARK_REMOTE),.venv-spark,.venv)
BIN := $(VENV)/bin
INSTALL := bin/python -m pip install --quiet --no-deps
AIRFLOW := .airflow
AIRFLOW_HOME := $(CURDIR)/$(AIRFLOW)/home
AIRFLOW_PORT ?= 8081
export DAGSTER_HOME ?= $(CURDIR)/.dagster

.PHONY: help setup spark mlflow evidently neural demo test lint dev bench bench-events bench-features quality calibrate lock clean
.PHONY: bench-cluster bench-retraining bench-serve docs docs-serve screenshots cluster-up cluster-down airflow-env airflow-up airflow-trigger-dag test-airflow airflow-lock run-all

define need_python
@command -v $(PYTHON) >/dev/null || { echo "Install Python 3.11 to 3.14, or run make PYTHON=/path/to/it"; exit 1; }
endef

help: ## Say what each command does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 21

setup: $(VENV)/.installed $(DAGSTER_HOME)/dagster.yaml ## Make the environment in .venv, and the folder for new ratings
	@mkdir -p "$${STREAMING_PATH:-$${LAKEHOUSE_PATH:-data}/streaming}"

spark: .venv-spark/.installed ## Make the environment of Apache Spark and of production in .venv-spark

.venv/.installed: requirements/embedded.lock requirements/dev.lock pyproject.toml
.venv-spark/.installed: requirements/spark.lock requirements/dev.lock requirements/oracles.lock pyproject.toml
.venv/.installed .venv-spark/.installed:
	$(need_python)
	$(PYTHON) -m venv --clear $(@D)
	$(PYTHON) tools/install.py $(@D) $(filter %.lock,$^)
	$(@D)/$(INSTALL) --no-build-isolation --editable .
	touch $@

$(DAGSTER_HOME)/dagster.yaml: dagster.yaml
	mkdir -p $(@D)
	cp dagster.yaml $@

evidently: $(VENV)/.evidently ## Add Evidently to the environment: drift reports of its own
mlflow: $(VENV)/.mlflow ## Open MLflow's pages of the local store on port 5000
	$(BIN)/mlflow server --host 127.0.0.1 --port 5000 \
	  --backend-store-uri sqlite:///$${LAKEHOUSE_PATH:-data}/mlflow/mlflow.db
neural: $(VENV)/.neural ## Add JAX to the environment: the neural model can be trained

%/.docs: %/.installed requirements/docs.lock
	$*/$(INSTALL) --require-hashes --requirement requirements/docs.lock
	touch $@

%/.evidently: %/.installed requirements/evidently.lock
	$*/$(INSTALL) --require-hashes --requirement requirements/evidently.lock
	touch $@

%/.mlflow: %/.installed requirements/mlflow.lock
	$*/$(INSTALL) --require-hashes --requirement requirements/mlflow.lock
	touch $@

%/.neural: %/.installed requirements/neural.lock
	$*/$(INSTALL) --require-hashes --requirement requirements/neural.lock
	touch $@

cluster-up: spark ## Start a Spark master, two workers and a Connect server on this machine; ARGS="--workers 1" for one
	.venv-spark/bin/python -m tools.cluster up $(ARGS)

cluster-down: ## End them
	.venv-spark/bin/python -m tools.cluster down $(ARGS)

demo: setup ## Run the main job, ratings to recommendations; on synthetic ones where there are no others
	$(BIN)/reco demo --synthetic $(ARGS)

dev: setup ## Open the lineage view on port 3000
	$(BIN)/python -m reco_assets.web dev --workspace workspace.yaml --host 127.0.0.1

screenshots: setup $(VENV)/.mlflow ## Take the pictures of docs/images from a demo of its own, in Chromium; 3 minutes
	$(BIN)/python -m tools.screenshots

test: setup spark ## Lint, types, and the tests on both engines
	sh tests/run.sh

lint: setup ## Style, types, the direction of imports and the Dockerfiles alone
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile airflow/Dockerfile

MKDOCS := NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs
docs: .venv/.docs ## Build the pages of docs/ as a site in site/; a link that leads nowhere is an error
	$(MKDOCS) build --strict

docs-serve: .venv/.docs ## Open that site on port 8008, and follow what is changed
	$(MKDOCS) serve --dev-addr 127.0.0.1:8008

bench: setup spark .venv-peers/.installed ## Ours beside the peers; ARGS="--size 20m --write" for more, and into docs/performance.md
	$(BIN)/python bench/run.py $(ARGS)

bench-events: setup ## Time 1 M events to a broker and into the lake, beside the fastest plain scripts; ARGS="--events 100000" for less
	$(BIN)/python bench/events.py $(ARGS)

bench-features: setup ## Time the features of 1 M events, beside the fastest plain script; ARGS="--events 100000" for less
	$(BIN)/python bench/features.py $(ARGS)

bench-cluster: spark ## The main job's stages on a Spark cluster of one worker and of two; ARGS="--size 100k" for less
	.venv-spark/bin/python bench/cluster.py $(ARGS)

bench-serve: setup ## Requests a second of reco serve, beside a bare FastAPI route; ARGS="--lakehouse data" for one that is there
	$(BIN)/python bench/serve.py $(ARGS)

bench-ncf: spark ## Time the neural model, beside the fastest plain script; ARGS="--data synthetic", ARGS=--figures
	.venv-spark/bin/python bench/ncf.py $(ARGS)

.venv-peers/.installed: bench/requirements-peers.lock
	$$(sh tools/find_python.sh 3.11) -m venv --clear $(@D)
	$(@D)/$(INSTALL) --require-hashes --requirement $<
	touch $@

quality: setup ## Measure the model on ml-latest-small, mean of three seeds
	$(BIN)/python bench/quality.py $(ARGS)

calibrate: setup ## Measure how often each drift policy retrains, with drift and without
	$(BIN)/python bench/calibrate.py $(ARGS)

bench-retraining: setup ## Measure what a retraining wins, by unknown users, new ratings and days
	$(BIN)/python bench/retraining.py $(ARGS)

airflow-env: $(AIRFLOW)/venv-2/.installed $(AIRFLOW)/venv-3/.installed ## Make an environment for each Airflow line

$(AIRFLOW)/venv-%/.installed: airflow/requirements-%.lock airflow/requirements-test.lock
	$$(sh tools/find_python.sh 3.11) -m venv --clear $(@D)
	$(@D)/$(INSTALL) --require-hashes $(patsubst %,--requirement %,$^)
	touch $@

airflow-up: setup .venv-spark/.evidently $(AIRFLOW)/venv-3/.installed ## Start Airflow 3 with the exported DAGs on port 8081
	$(AIRFLOW)/venv-3/bin/python airflow/up.py --home $(AIRFLOW_HOME) --port $(AIRFLOW_PORT)

airflow-trigger-dag: ## Trigger a DAG of that Airflow, or of the one in containers; dag=ID
	@$(PYTHON) airflow/trigger.py --port $(AIRFLOW_PORT) $(dag)

.env: .env.example
	$(PYTHON) tools/make_env.py

run-all: .env ## Build and start everything in containers, with passwords of its own in .env; needs Docker
	docker compose --file docker-compose.full.yml up --build --detach

test-airflow: setup spark airflow-env ## The exported DAGs in both Airflow lines, shimmed and for real
	sh tests/run_airflow.sh

lock: ## Resolve pyproject.toml again into requirements/*.lock (needs uv)
	sh tools/lock.sh

AIRFLOW_COMPILE := uv pip compile --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet
airflow-lock: ## Resolve Airflow's requirements again into airflow/requirements-*.lock (needs uv)
	$(AIRFLOW_COMPILE) airflow/dags/requirements-airflow-2.txt --output-file airflow/requirements-2.lock
	$(AIRFLOW_COMPILE) airflow/requirements-airflow.txt --output-file airflow/requirements-3.lock
	$(AIRFLOW_COMPILE) --no-deps airflow/requirements-test.txt --output-file airflow/requirements-test.lock

clean: ## Remove the environments and the built site; data and records of runs stay
	rm -rf .venv .venv-spark .venv-peers $(AIRFLOW) site
	@for kept in data .dagster; do [ ! -e $$kept ] || echo "Kept: $$kept. To remove it too: rm -r $$kept"; done

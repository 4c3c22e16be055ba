#!/bin/sh
# The exported DAGs: shimmed in each Airflow line, then for real, services included. `make test-airflow` runs it.
set -eu
for line in 2 3; do
    .airflow/venv-$line/bin/pytest -c tests/airflow/pytest.ini tests/airflow
done
.venv/bin/pytest -m slow tests/airflow_real
# Airflow 2.11 for real: the main job. The drift pipeline takes four minutes more: leave out -k to see it.
AIRFLOW_LINE=2 .venv/bin/pytest -m slow tests/airflow_real/test_parity.py -k main_job

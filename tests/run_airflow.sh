#!/bin/sh
# The exported DAGs: shimmed in each Airflow line, then for real in the newer one, services included.
# `make test-airflow` runs it; with the argument `shimmed` or `for_real` it runs that alone.
# For the main job and the drift pipeline in Airflow 2.11 for real (10 minutes):
# AIRFLOW_LINE=2 .venv-spark/bin/pytest -m slow tests/airflow_real/test_parity.py
set -eu
. tests/stages.sh

shimmed() { # both lines side by side
    logs=$(mktemp -d)
    for line in 2 3; do
        .airflow/venv-$line/bin/pytest -c tests/airflow/pytest.ini tests/airflow >"$logs/$line" 2>&1 &
        eval "pid_$line=$!"
    done
    failed=0
    wait "$pid_2" || failed=1
    wait "$pid_3" || failed=1
    cat "$logs/2" "$logs/3"
    rm -r "$logs"
    return $failed
}

for_real() {
    .venv-spark/bin/pytest -n "${TEST_WORKERS:-2}" --dist loadfile -m slow tests/airflow_real
}

case ${1:-all} in shimmed | all) stage "Airflow: DAGs in both lines, shimmed" shimmed ;; esac
case ${1:-all} in for_real | all) stage "Airflow: for real" for_real ;; esac

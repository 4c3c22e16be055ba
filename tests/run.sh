#!/bin/sh
# Everything that must pass: lint, types, the whole suite embedded, the engine tests again on Spark.
# Two files of tests at a time: most wait for a process, a commit or the JVM for half of their time.
set -eu
. tests/stages.sh
BIN=.venv/bin
WORKERS=${TEST_WORKERS:-2}

lint() {
    $BIN/ruff format --check .
    $BIN/ruff check .
    $BIN/mypy
}

run_tests() { # engine, marks, pytest's arguments
    engine=$1 marks=$2
    shift 2
    RECO_ENGINE=$engine $BIN/pytest -n "$WORKERS" --dist loadfile -m "$marks" "$@"
}

install_servers() {
    sh tests/install_servers.sh
    make evidently
}

stage "lint and types" lint
stage "fast tests" run_tests embedded "not slow" "$@"
if ! $BIN/python -c "from resources.engine import require_java; require_java()" 2>/dev/null; then
    echo "The Spark tests need Java 17 or newer: apt-get install openjdk-17-jre-headless" >&2
    exit 1
fi
stage "engine tests on Spark" run_tests spark "both_engines and not slow" "$@"
stage "servers for the slow tests" install_servers
stage "slow tests" run_tests embedded slow "$@"

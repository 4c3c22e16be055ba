#!/bin/sh
# Everything that must pass: lint, types, the whole suite embedded, the engine tests again on Spark.
set -eu
BIN=.venv/bin
$BIN/ruff format --check .
$BIN/ruff check .
$BIN/mypy
RECO_ENGINE=embedded $BIN/pytest -m "not slow" "$@"
if ! $BIN/python -c "from resources.session import require_java; require_java()" 2>/dev/null; then
    echo "The Spark tests need Java 17 or newer: apt-get install openjdk-17-jre-headless" >&2
    exit 1
fi
RECO_ENGINE=spark $BIN/pytest -m "both_engines and not slow" "$@"
sh tests/install_servers.sh
make evidently
RECO_ENGINE=embedded $BIN/pytest -m slow "$@"

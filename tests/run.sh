#!/bin/sh
# Everything that must pass: lint, types, the whole suite embedded, the engine tests again on Spark.
# .venv has what the embedded engine needs and no more; .venv-spark is what production has, on any machine with Java.
# Two files of tests at a time, the longest first (tests/conftest.py): most wait for a process, a commit or the JVM for half of their time.
set -eu
. tests/stages.sh
# .ci/run sources this, and makes .venv-spark meanwhile: `make_spark` is then what waits for it, and
# `before_slow_tests` starts what goes on beside the slow tests, as both wait for processes.
WORKERS=${TEST_WORKERS:-2}

run_tests() { # environment, engine, marks, pytest's arguments
    environment=$1 engine=$2 marks=$3
    shift 3
    RECO_ENGINE=$engine "$environment/bin/pytest" -n "$WORKERS" --dist loadfile --no-loadscope-reorder -m "$marks" "$@"
}

python_of() { "$1/bin/python" -c "import sys; print('%d.%d' % sys.version_info[:2])"; }

install_servers() {
    sh tests/install_servers.sh
    make .venv-spark/.evidently
}

stage "lint and types" make lint
stage "pages" make docs
stage "fast tests on Python $(python_of .venv)" run_tests .venv embedded "not slow" "$@"
stage "environment of Spark, after these" ${make_spark:-make spark}
if ! .venv-spark/bin/python -c "from resources.engine import require_java; require_java()" 2>/dev/null; then
    echo "The Spark tests need Java 17 or newer: apt-get install openjdk-17-jre-headless" >&2
    exit 1
fi
stage "engine tests on Spark" run_tests .venv-spark spark "both_engines and not slow" "$@"
stage "servers for the slow tests" install_servers
${before_slow_tests:-:}
# Among them what the embedded environment had to skip, for which slow tests leave time. The other fast tests ran on its
# Python alone; make lint looks at the syntax and the types of the oldest one.
stage "slow tests, and what that environment alone has" run_tests .venv-spark embedded "slow or spark_environment" "$@"

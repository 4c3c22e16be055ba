#!/bin/sh
# Resolves pyproject.toml into requirements/*.lock, with hashes, for Python 3.11 to 3.14 on Linux and macOS. Needs uv.
# One resolution of everything comes first, so that all locks agree on each version:
#   embedded.lock   the default: embedded engine, mlflow-skinny (on which dagster-mlflow runs, though it asks for all of it)
#   spark.lock      production, complete: Apache Spark's own pyspark instead of pyspark-client, deploy, neural; no test packages
#   dev.lock, docs.lock, oracles.lock, evidently.lock, mlflow.lock, neural.lock   what each adds to either of the two
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
echo mlflow >"$work/no-mlflow"
echo pyspark-client >"$work/no-client"
: >"$work/agreed"

resolve() { # the lock's file, then uv's arguments
    out=$1
    shift
    uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
        --quiet --constraints "$work/agreed" --output-file "$out" "$@"
}

added() { # the same, without what embedded.lock has; `needed` is added all the same
    out=$1
    shift
    resolve "$out" "$@" $(sed -n "/^${needed:-nothing}==/d;s/^\([a-z0-9][a-z0-9.-]*\)==.*/--no-emit-package \1/p" requirements/embedded.lock)
    sed -i '/^$/,$d' "$out" # uv's list of what it left out
}

resolve "$work/all" --all-extras --group dev --group docs --group oracles "$@"
sed -n 's/^\([a-z0-9][^ ]*==[^ ]*\)\( ;.*[^\\]\)\{0,1\} \\$/\1\2/p' "$work/all" >"$work/agreed"
resolve requirements/embedded.lock --extra mlflow --excludes "$work/no-mlflow"
resolve requirements/spark.lock --extra spark --extra deploy --extra neural --excludes "$work/no-client"
added requirements/dev.lock --group dev --excludes "$work/no-mlflow"
added requirements/oracles.lock --group oracles --excludes "$work/no-mlflow"
added requirements/evidently.lock --extra evidently --excludes "$work/no-mlflow"
added requirements/mlflow.lock --extra mlflow
added requirements/neural.lock --extra neural --excludes "$work/no-mlflow"
needed=colorama # which embedded.lock has for Windows alone
added requirements/docs.lock --group docs --excludes "$work/no-mlflow"

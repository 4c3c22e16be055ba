#!/bin/sh
# Installs what the slow tests start servers from, where it is missing: Postgres from Debian's packages, by Maven the
# JARs of a Kafka broker, by Go an S3 server, and Chromium. What can't be had is said, and its tests are skipped.
set -eu

postgres() {
    if command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
        return
    fi
    if [ "$(id -u)" != 0 ]; then
        echo "Postgres is missing, its tests will be skipped: apt-get install postgresql" >&2
        return
    fi
    apt-get update -q
    apt-get install -y -q --no-install-recommends postgresql-common
    # The package would make and start a server of its own.
    echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    apt-get install -y -q --no-install-recommends postgresql
}

kafka() {
    if ! command -v mvn >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -q
        apt-get install -y -q --no-install-recommends maven
    fi
    if ! command -v java >/dev/null; then
        echo "Java is missing, the tests with a Kafka broker will be skipped: apt-get install openjdk-17-jre-headless" >&2
        return
    fi
    python=.venv-spark/bin/python
    [ -x $python ] || python=.venv/bin/python
    $python -m resources.kafka.jars || echo "The tests with a Kafka broker will be skipped." >&2
}

object_storage() { # an S3 server whose put refuses, for sure, what is there already
    folder=${RECO_CACHE_PATH:-$HOME/.cache/reco-assets}/bin
    if [ -x "$folder/versitygw" ] || command -v versitygw >/dev/null; then
        return
    fi
    PATH=$PATH:/usr/local/go/bin
    if ! command -v go >/dev/null; then
        echo "Go is missing, the tests with tables on object storage will be skipped: install Go 1.25 or newer" >&2
        return
    fi
    GOBIN=$folder go install -ldflags "-s -w" github.com/versity/versitygw/cmd/versitygw@v1.8.0 ||
        echo "The tests with tables on object storage will be skipped." >&2
}

browser() {
    if command -v chromium >/dev/null || command -v google-chrome >/dev/null; then
        return
    fi
    if [ "$(id -u)" != 0 ]; then
        echo "Chromium is missing, the tests in a browser will be skipped: apt-get install chromium" >&2
        return
    fi
    apt-get update -q
    apt-get install -y -q --no-install-recommends chromium ||
        echo "The tests in a browser will be skipped." >&2
}

postgres
kafka
object_storage
browser

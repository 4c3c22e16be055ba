#!/bin/sh
# Installs the servers that the slow tests start themselves, from Debian's packages, where they are missing.
set -eu
if command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" != 0 ]; then
    echo "Postgres is missing, its tests will be skipped: apt-get install postgresql" >&2
    exit 0
fi
apt-get update -q
apt-get install -y -q --no-install-recommends postgresql-common
# The package would make and start a server of its own.
echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
apt-get install -y -q --no-install-recommends postgresql

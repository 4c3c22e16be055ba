"""The deployment's database may stop answering: whoever asks it is told so in time."""

import socket
import time
from contextlib import closing
from pathlib import Path

import pytest
import yaml

psycopg2 = pytest.importorskip("psycopg2", reason="needs .venv-spark: make spark")

pytestmark = pytest.mark.spark_environment

DAGSTER_YAML = Path(__file__).resolve().parents[2] / "deploy" / "dagster.yaml"


def address(port: int) -> str:
    """The database's address as Dagster makes it, on this machine and for psycopg2 itself."""
    from dagster_postgres.utils import get_conn_string

    database = yaml.safe_load(DAGSTER_YAML.read_text())["storage"]["postgres"]["postgres_db"]
    return get_conn_string("me", "secret", "127.0.0.1", "dagster", str(port), database["params"])


def test_the_driver_knows_every_limit() -> None:
    told = psycopg2.extensions.parse_dsn(address(1))
    assert told["options"] == "-c statement_timeout=120000"
    assert told["tcp_user_timeout"] == "30000"


@pytest.mark.slow
def test_a_database_that_accepts_and_says_nothing_is_given_up() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        began = time.monotonic()
        with pytest.raises(psycopg2.OperationalError, match="timeout expired"):
            psycopg2.connect(address(server.getsockname()[1]))
    assert time.monotonic() - began < 20

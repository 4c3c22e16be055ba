"""Spark's commits on a real S3 server: of writers that no lock keeps apart, one of which is killed."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

pytestmark = [pytest.mark.slow, pytest.mark.spark_environment]

REPO = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("spark_commits.py")
COMMITS, FIRST = 6, 1000


def _without_sail() -> dict[str, str]:
    """The environment without what Sail's session set in it, if this process has one."""
    return {name: value for name, value in os.environ.items() if name != "SPARK_CONNECT_MODE_ENABLED"}


def ids(*numbers: int) -> pa.Table:
    return pa.table({"id": pa.array(numbers, pa.int64())})


@pytest.fixture(scope="module")
def address(bucket: str) -> str:
    made = f"{bucket}/{uuid.uuid4().hex}"
    write_deltalake(made, ids(0))
    return made


@pytest.fixture(scope="module")
def told(bucket: str, address: str) -> Iterator[IO[str]]:
    """What the program tells, which is killed at the end."""
    variables = {"RECO_ENGINE": "spark", "LAKEHOUSE_TABLES_URI": bucket, "SPARK_MASTER": "local[1]"}
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), address, str(FIRST)],
        env=_without_sail() | variables | {"SPARK_DRIVER_MEMORY": "1g", "PYTHONPATH": str(REPO)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # its JVM is killed with it
    ) as program:
        assert program.stdout is not None
        try:
            yield program.stdout
        finally:
            os.killpg(program.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def outcomes(told: IO[str]) -> list[str]:
    found: list[str] = json.loads(told.readline())
    return found


def test_a_commit_that_is_there_is_refused_but_not_to_whom_put_it(outcomes: list[str]) -> None:
    assert outcomes == ["done", "java.nio.file.FileAlreadyExistsException", "done"]


@pytest.mark.usefixtures("outcomes")
def test_of_spark_and_another_writer_each_row_is_there_once(told: IO[str], address: str) -> None:
    by_spark, here = [], 2 * COMMITS
    for number in range(1, here + 1):
        write_deltalake(address, ids(number), mode="append")
        if number % 2 == 0:
            by_spark.append(int(told.readline()))
    table = DeltaTable(address)
    rows = sorted(table.to_pyarrow_table()["id"].to_pylist())
    assert rows[: here + 1] == list(range(here + 1))
    # One more may be there, of which it had not told yet.
    assert rows[here + 1 :][:COMMITS] == by_spark == list(range(FIRST, FIRST + COMMITS))
    assert len(rows) - 1 == table.version()

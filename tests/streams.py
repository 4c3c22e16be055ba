"""Fixtures of the tests of batches, streaming and split: files that land, what is staged, processes that are killed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from reco_assets.streaming.landing import landed_files
from reco_assets.tables import SPLIT_RATINGS
from resources.tables.lakehouse import Lakehouse

REPOSITORY = Path(__file__).resolve().parents[1]
HEADER = "DATE,CUST_ID,MOVIE_ID,RATING"
LANDED = datetime(2026, 1, 2, tzinfo=UTC)

# Imports once, then forks per call: a child is ready in milliseconds, and may be killed or starved of disk.
_FORKS = """
import importlib, json, os, pathlib, resource, sys
from reco_assets.streaming import intake
from resources.tables.lakehouse import Lakehouse
from resources.settings import load_settings

def child(task, crash_at):
    os.environ.update(task["reached_by"])
    if crash_at:
        os.environ["RECO_CRASH_AT"] = crash_at
    if task["file_bytes"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (task["file_bytes"], task["file_bytes"]))
    module, name = task["call"].split(":")
    settings = load_settings(**task["settings"])
    paths = [pathlib.Path(path) for path in task["paths"]]
    getattr(importlib.import_module(module), name)(Lakehouse.open(settings), *paths)

def fork(task, crash_at):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    try:
        child(task, crash_at)
        os._exit(0)
    except BaseException as error:
        os.write(writer, f"{type(error).__name__}: {error}".encode()[:4000])
        os._exit(1)

def end(pid, reader):
    _, status = os.waitpid(pid, 0)
    with os.fdopen(reader) as said:
        return os.waitstatus_to_exitcode(status), said.read()

for line in sys.stdin:
    task = json.loads(line)
    started = [fork(task, crash_at) for crash_at in task["crash_at"]]
    print(json.dumps([end(*one) for one in started]), flush=True)
"""


@dataclass(frozen=True)
class Ended:
    """How a child process ended: its exit code, -9 if it was killed, and the error it raised."""

    code: int
    error: str


@pytest.fixture(scope="session")
def forks() -> Iterator[subprocess.Popen]:
    environment = {**os.environ, "RUST_LOG": "error"}
    with subprocess.Popen(
        [sys.executable, "-c", _FORKS], cwd=REPOSITORY, env=environment, stdin=-1, stdout=-1, text=True
    ) as server:
        yield server
        assert server.stdin is not None
        server.stdin.close()


@pytest.fixture
def run_apart(forks: subprocess.Popen) -> Callable[..., list[Ended]]:
    """Call `module:function(lakehouse, *paths)` in processes of their own, one per step to be killed at ("": none),
    all at once; no file may become larger than `file_bytes`.
    """

    def run(
        call: str, lakehouse: Lakehouse, *paths: Path, crash_at: Sequence[str] = ("",), file_bytes: int = 0
    ) -> list[Ended]:
        settings = {name.lower(): str(value) for name, value in lakehouse.settings.given().items()}
        task = {
            "call": call,
            "settings": settings,
            "reached_by": {name: value for name, value in os.environ.items() if name.startswith("AWS_")},
            "paths": [str(path) for path in paths],
            "crash_at": list(crash_at),
            "file_bytes": file_bytes,
        }
        assert forks.stdin is not None
        assert forks.stdout is not None
        print(json.dumps(task), file=forks.stdin, flush=True)
        return [Ended(*ended) for ended in json.loads(forks.stdout.readline())]

    return run


@pytest.fixture
def landing(lakehouse: Lakehouse) -> Path:
    """The streaming folder of the test's lakehouse."""
    folder = lakehouse.settings.storage.landing
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def drop(landing: Path) -> Callable[..., Path]:
    """Put a CSV file into the streaming folder, after those there, last written at LANDED unless `landed` differs."""

    def put(name: str, *lines: str, header: str = HEADER, end: str = "\n", landed: datetime = LANDED) -> Path:
        path = landing / name
        path.write_bytes(("\n".join([header, *lines]) + end).encode())
        while True:  # the clock by which files are put in order ticks every few milliseconds
            os.utime(path, (landed.timestamp(), landed.timestamp()))
            seen = [file.ctime_ns for file in landed_files(landing) if file.name != name]
            if not seen or path.stat().st_ctime_ns > max(seen):
                return path

    return put


@pytest.fixture
def table_rows(lakehouse: Lakehouse) -> Callable[..., list[tuple]]:
    """The rows of a table as tuples of some columns, sorted."""

    def rows(name: str, *columns: str) -> list[tuple]:
        found = lakehouse.dataset(name).to_table(columns=list(columns) or None)
        return sorted(zip(*(column.to_pylist() for column in found.columns), strict=True))

    return rows


@pytest.fixture
def history(lakehouse: Lakehouse) -> Callable[[dict[tuple[int, int], str]], None]:
    """Write silver/split_ratings: one rating per (user, movie), on the side that it is given."""

    def write(sides: dict[tuple[int, int], str]) -> None:
        users, movies = zip(*sides, strict=True)
        n = len(sides)
        columns = {
            "user_id": pa.array(users, pa.int32()),
            "movie_id": pa.array(movies, pa.int32()),
            "rating": pa.array([4.0] * n, pa.float32()),
            "rating_ts": pa.array([datetime(2010, 1, 1, tzinfo=UTC)] * n, pa.timestamp("us", tz="UTC")),
            "origin": pa.array(["history"] * n, pa.string()),
            "side": pa.array(sides.values(), pa.string()),
            "policy": pa.array(["any"] * n, pa.string()),
        }
        lakehouse.write(SPLIT_RATINGS, pa.table(columns))

    return write

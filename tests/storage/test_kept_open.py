"""Dagster's own records in files that stay open: seen by others at once, and as few as can be."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import psutil
import pytest

from resources.dagster_home import open_instance
from resources.orchestrator.dagster_private import SqliteEventLogStorage

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    shutil.copy(ROOT / "dagster.yaml", home)
    with open_instance() as instance:
        yield instance


def say(instance: dg.DagsterInstance, run_id: str, text: str) -> None:
    instance.report_engine_event(text, job_name="job", run_id=run_id)


def open_shards(home: Path) -> set[str]:
    paths = {Path(file.path) for file in psutil.Process().open_files()}
    return {path.stem for path in paths if path.parent == home / "history" / "runs" and path.suffix == ".db"}


def test_dagsters_own_storage_reads_an_event_while_the_file_is_open(home: Path, instance: dg.DagsterInstance) -> None:
    say(instance, "run", "said")

    records = SqliteEventLogStorage(str(home / "history" / "runs")).get_records_for_run("run").records

    assert [record.event_log_entry.message for record in records] == ["said"]


def test_who_watches_a_run_hears_of_an_event_before_the_file_is_closed(instance: dg.DagsterInstance) -> None:
    say(instance, "run", "first")
    heard = threading.Event()
    with open_instance() as other:
        other.watch_event_logs("run", None, lambda entry, _: heard.set() if entry.message == "second" else None)
        say(instance, "run", "second")
        assert heard.wait(30)


@pytest.mark.parametrize("shard", ["run", "index"])
def test_a_file_is_in_the_mode_in_which_a_commit_without_a_sync_damages_nothing(
    home: Path, instance: dg.DagsterInstance, shard: str
) -> None:
    say(instance, "run", "said")

    with closing(sqlite3.connect(home / "history" / "runs" / f"{shard}.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_of_the_files_of_runs_only_the_newest_stays_open(home: Path, instance: dg.DagsterInstance) -> None:
    for run_id in ("one", "two", "three"):
        say(instance, run_id, "said")

    assert open_shards(home) - {"index"} == {"three"}


def test_a_runs_file_that_is_removed_while_it_is_open_is_made_anew(home: Path, instance: dg.DagsterInstance) -> None:
    say(instance, "run", "first")
    for path in (home / "history" / "runs").glob("run.db*"):
        path.unlink()

    say(instance, "run", "second")

    assert [entry.message for entry in instance.all_logs("run")] == ["second"]


def test_no_file_stays_open_when_the_instance_is_done_with(home: Path, instance: dg.DagsterInstance) -> None:
    say(instance, "run", "said")

    instance.dispose()

    assert open_shards(home) == set()

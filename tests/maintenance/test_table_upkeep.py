"""Maintenance makes a table small, and every version that is pinned reads as it did."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.settings import load_settings
from resources.tables.files import LakehouseError, TableSpec
from resources.tables.lakehouse import Lakehouse
from resources.tables.upkeep import delta_tables, maintain_table

WEEK = 168


def test_many_small_files_become_one_with_the_same_rows(numbers: Any) -> None:
    numbers.replace(0)
    for value in range(1, 6):
        numbers.append(value)
    done = maintain_table(numbers.lakehouse, numbers.name, (), retention_hours=0)
    assert (done.before.files, done.compacted, done.after.files) == (6, 6, 1)
    assert numbers.values() == [0, 1, 2, 3, 4, 5]


@pytest.mark.both_engines
def test_a_pinned_version_reads_as_before_and_the_others_give_their_space_back(numbers: Any) -> None:
    for value in range(5):
        numbers.replace(value)
    done = maintain_table(numbers.lakehouse, numbers.name, {1, 3}, retention_hours=0)
    assert done.kept == (1, 3)
    assert done.removed == 2
    read = {version: numbers.lakehouse.read(numbers.name, version) for version in (1, 3, 4)}
    assert {version: [row.x for row in frame.collect()] for version, frame in read.items()} == {1: [1], 3: [3], 4: [4]}
    with pytest.raises(FileNotFoundError):
        numbers.values(2)


def test_what_the_table_dropped_within_the_retention_stays_for_those_who_still_read_it(numbers: Any) -> None:
    numbers.replace(1)
    for file in numbers.data_files():
        os.utime(file, (0, 0))  # an old file, but dropped only now
    numbers.replace(2)
    assert maintain_table(numbers.lakehouse, numbers.name, (), WEEK).removed == 0
    assert numbers.values(0) == [1]


def test_files_of_killed_writers_go_once_they_are_older_than_the_retention(numbers: Any) -> None:
    numbers.replace(1)
    old, young = (numbers.path / f"{name}.parquet" for name in ("old", "young"))
    for file in (old, young):
        file.write_bytes(b"half a file")
    os.utime(old, (0, 0))
    maintain_table(numbers.lakehouse, numbers.name, (), WEEK)
    assert (old.exists(), young.exists()) == (False, True)


def test_a_table_with_nothing_to_do_gets_no_commit(numbers: Any) -> None:
    numbers.replace(1)
    maintain_table(numbers.lakehouse, numbers.name, (), WEEK)
    assert numbers.version == 0


def test_a_second_maintenance_of_a_pinned_table_gets_no_commit_either(numbers: Any) -> None:
    numbers.replace(1)
    maintain_table(numbers.lakehouse, numbers.name, {0}, WEEK)
    version = numbers.version
    maintain_table(numbers.lakehouse, numbers.name, {0}, WEEK)
    assert numbers.version == version


def test_commits_expire_but_for_those_that_a_pinned_version_needs(numbers: Any) -> None:
    for value in range(4):
        numbers.replace(value)
    maintain_table(numbers.lakehouse, numbers.name, (), WEEK)  # makes a checkpoint at version 3
    for value in range(4, 8):
        numbers.replace(value)
    numbers.age_commits(lambda version: 1000 - 100 * version)
    assert maintain_table(numbers.lakehouse, numbers.name, {6}, retention_hours=0).lost == ()
    assert numbers.values(6) == [6]
    log = numbers.path / "_delta_log"
    assert [(log / f"{version:020}.json").exists() for version in range(7)] == [False] * 3 + [True] * 4


def test_the_table_itself_says_how_long_commits_and_files_stay(numbers: Any) -> None:
    numbers.replace(1)
    numbers.age_commits(lambda _: 100)
    maintain_table(numbers.lakehouse, numbers.name, {0}, WEEK)
    configured = DeltaTable(str(numbers.path)).metadata().configuration
    assert configured == {
        "delta.enableExpiredLogCleanup": "false",
        "delta.logRetentionDuration": "interval 150 days",
        "delta.deletedFileRetentionDuration": "interval 150 days",
    }


def test_when_nothing_is_pinned_any_more_commits_expire_after_thirty_days_again(numbers: Any) -> None:
    numbers.replace(1)
    numbers.age_commits(lambda _: 100)
    maintain_table(numbers.lakehouse, numbers.name, {0}, WEEK)
    maintain_table(numbers.lakehouse, numbers.name, (), WEEK)
    assert DeltaTable(str(numbers.path)).metadata().configuration["delta.logRetentionDuration"] == "interval 30 days"


@pytest.mark.both_engines
def test_writers_never_let_the_commits_of_a_new_table_expire(lakehouse: Lakehouse, numbers: Any) -> None:
    numbers.replace(1)
    frame = lakehouse.read(numbers.name)
    assert DeltaTable(str(numbers.path)).metadata().configuration == {"delta.enableExpiredLogCleanup": "false"}
    lakehouse.write(TableSpec("silver/by_engine", frame.schema), frame)
    by_engine = DeltaTable(str(lakehouse.path("silver/by_engine")))
    assert by_engine.metadata().configuration == {"delta.enableExpiredLogCleanup": "false"}


def test_a_pinned_version_that_is_gone_already_is_named_and_keeps_nothing_else_from_being_done(numbers: Any) -> None:
    numbers.replace(1)
    numbers.replace(2)
    done = maintain_table(numbers.lakehouse, numbers.name, {0, 77}, retention_hours=0)
    assert (done.kept, done.lost) == ((0,), (77,))
    assert numbers.values(0) == [1]


def test_only_delta_tables_are_found(
    make_lakehouse: Callable[..., Lakehouse], numbers_in: Callable[[Lakehouse], Any]
) -> None:
    assert list(delta_tables(make_lakehouse())) == []
    parquet = numbers_in(make_lakehouse(storage_format="parquet"))
    parquet.replace(1)
    assert list(delta_tables(parquet.lakehouse)) == []


def test_tables_that_are_being_written_are_not_found(numbers: Any) -> None:
    numbers.replace(1)
    staging = numbers.path.with_name(".numbers.0123") / "_delta_log"
    staging.mkdir(parents=True)
    assert list(delta_tables(numbers.lakehouse)) == [numbers.name]


def test_a_table_that_cannot_be_maintained_is_named_and_stays_readable(
    numbers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise CommitFailedError("a concurrent transaction added new data")

    numbers.replace(1)
    monkeypatch.setattr(DeltaTable, "vacuum", fails)
    with pytest.raises(LakehouseError, match="silver/numbers stopped"):
        maintain_table(numbers.lakehouse, numbers.name, (), WEEK)
    assert numbers.values() == [1]


def test_writers_that_append_meanwhile_lose_nothing(numbers: Any) -> None:
    numbers.replace(0)
    failed: list[BaseException] = []

    def write(first: int) -> None:
        try:
            for value in range(first, first + 10):
                numbers.append(value)
        except BaseException as error:
            failed.append(error)

    writers = [threading.Thread(target=write, args=(first,)) for first in (100, 200)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        maintain_table(numbers.lakehouse, numbers.name, (), retention_hours=0)
    for writer in writers:
        writer.join()
    maintain_table(numbers.lakehouse, numbers.name, (), retention_hours=0)
    assert failed == []
    assert numbers.values() == [0, *range(100, 110), *range(200, 210)]


STEPS = st.lists(st.sampled_from(["replace", "append", "maintain"]), min_size=1, max_size=10)


@settings(max_examples=15, deadline=None)
@given(steps=STEPS, chosen=st.sets(st.integers(0, 10), max_size=4))
def test_every_pinned_version_reads_the_same_before_and_after(
    steps: list[str], chosen: set[int], tmp_path_factory: Any, engine: Any, numbers_in: Callable[[Lakehouse], Any]
) -> None:
    folder: Path = tmp_path_factory.mktemp("lake")
    numbers = numbers_in(Lakehouse(load_settings(lakehouse_path=folder), engine))
    numbers.replace(0)
    seen = {0: [0]}
    for step, action in enumerate(steps, start=1):
        if action == "maintain":
            maintain_table(numbers.lakehouse, numbers.name, chosen & seen.keys(), retention_hours=0)
        else:
            getattr(numbers, action)(step)
            seen[numbers.version] = numbers.values()
    pinned = chosen & seen.keys()
    numbers.age_commits(lambda version: max(0, 1000 - 10 * version))
    for _ in range(2):
        done = maintain_table(numbers.lakehouse, numbers.name, pinned, retention_hours=0)
        lost = set(done.lost)
        assert {version: numbers.values(version) for version in pinned - lost} == {
            version: seen[version] for version in pinned - lost
        }
    assert lost == set()
    assert numbers.values() == seen[max(seen)]

"""A table that grows by small commits stays small in files and commits, and its rows stay."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from pyspark.sql.types import LongType, StructField, StructType

from resources.tables import tending as table_tending
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse
from resources.tables.tending import MANY_FILES, tend_table

SPEC = TableSpec("stream/growing", StructType([StructField("id", LongType())]))


@pytest.fixture
def grow(lakehouse: Lakehouse) -> Callable[[int], None]:
    """Append so many rows, each in a commit of its own that carries its number, and tend the table after each."""
    lakehouse.write(SPEC, pa.table({"id": pa.array([], pa.int64())}))

    def commits(count: int) -> None:
        start = lakehouse.row_count(SPEC.name)
        for at in range(start, start + count):
            carried = CommitProperties(app_transactions=[Transaction("number", at)])
            rows = pa.table({"id": pa.array([at], pa.int64())})
            write_deltalake(str(lakehouse.path(SPEC.name)), rows, mode="append", commit_properties=carried)
            tend_table(lakehouse, SPEC.name, set, 168)

    return commits


def ids(lakehouse: Lakehouse) -> list[int]:
    return sorted(lakehouse.dataset(SPEC.name).to_table()["id"].to_pylist())


def files(path: Path) -> int:
    return len(DeltaTable(str(path)).file_uris())


def test_the_number_of_files_is_bounded_whatever_the_number_of_commits(lakehouse: Lakehouse, grow: Callable) -> None:
    seen = 0
    for _ in range(12):
        grow(10)
        seen = max(seen, files(lakehouse.path(SPEC.name)))
    assert seen <= MANY_FILES + 1
    assert ids(lakehouse) == list(range(120))


def test_transactions_and_older_versions_outlive_compaction(lakehouse: Lakehouse, grow: Callable) -> None:
    grow(20)
    version = lakehouse.version(SPEC.name)
    grow(MANY_FILES)
    assert DeltaTable(str(lakehouse.path(SPEC.name))).transaction_version("number") == MANY_FILES + 19
    assert len(lakehouse.dataset(SPEC.name, version).to_table()) == 20


def test_old_commits_are_removed_when_there_are_many_and_the_rows_stay(
    lakehouse: Lakehouse, grow: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_tending, "MANY_COMMITS", 20)
    monkeypatch.setattr(table_tending, "_RETENTION", {"delta.logRetentionDuration": "interval 0 days"})
    grow(60)
    log = list((lakehouse.path(SPEC.name) / "_delta_log").glob("*.json"))
    assert len(log) <= 30
    assert ids(lakehouse) == list(range(60))


def test_where_a_version_is_pinned_nothing_is_removed(
    lakehouse: Lakehouse, grow: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(5)
    monkeypatch.setattr(table_tending, "MANY_COMMITS", 1)
    assert not tend_table(lakehouse, SPEC.name, lambda: {2}, 168).swept
    assert len(lakehouse.dataset(SPEC.name, 2).to_table()) == 2

"""Batches are added to a table once, in commits that are on disk."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql.types import IntegerType, StringType, StructField, StructType

import resources.tables.appends as module
from resources.tables.appends import append_batches, batch_rows
from resources.tables.files import LakehouseError, TableSpec
from resources.tables.lakehouse import Lakehouse

GROWING = TableSpec(
    "stream/growing", StructType([StructField("batch", StringType()), StructField("id", IntegerType())])
)
COLUMNS = pa.schema([("batch", pa.string()), ("id", pa.int32())])


def rows(**batches: list[int]) -> pa.Table:
    pairs = [(batch, number) for batch, numbers in batches.items() for number in numbers]
    return pa.Table.from_pylist([{"batch": batch, "id": number} for batch, number in pairs], schema=COLUMNS)


def held(lakehouse: Lakehouse) -> list[tuple[str, int]]:
    return sorted((row["batch"], row["id"]) for row in lakehouse.dataset(GROWING.name).to_table().to_pylist())


@pytest.mark.both_engines
def test_the_engine_reads_what_was_appended(lakehouse: Lakehouse) -> None:
    append_batches(lakehouse, GROWING, rows(a=[1, 2]))
    append_batches(lakehouse, GROWING, rows(b=[3]))
    assert sorted(tuple(row) for row in lakehouse.read(GROWING.name).collect()) == [("a", 1), ("a", 2), ("b", 3)]


def test_batches_that_the_table_holds_are_not_appended_again(lakehouse: Lakehouse) -> None:
    for batches in ({"a": [1, 2]}, {"a": [1, 2]}, {"a": [1, 2], "b": [3], "c": []}, {"b": [3]}):
        append_batches(lakehouse, GROWING, rows(**batches))
    assert held(lakehouse) == [("a", 1), ("a", 2), ("b", 3)]
    assert lakehouse.version(GROWING.name) == 1


def test_dictionary_encoded_batches_are_the_same_batches(lakehouse: Lakehouse) -> None:
    append_batches(lakehouse, GROWING, rows(a=[1, 2]))
    more = rows(a=[1, 2], b=[3])
    append_batches(lakehouse, GROWING, more.set_column(0, "batch", more["batch"].dictionary_encode()))
    assert held(lakehouse) == [("a", 1), ("a", 2), ("b", 3)]


def test_no_rows_make_an_empty_table_and_later_no_commit(lakehouse: Lakehouse) -> None:
    for _ in range(2):
        append_batches(lakehouse, GROWING, rows())
        assert (lakehouse.row_count(GROWING.name), lakehouse.version(GROWING.name)) == (0, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        rows(a=[1]).rename_columns(["batch", "number"]),
        rows(a=[1]).select(["id", "batch"]),
        rows(a=[1]).set_column(1, "id", pa.array([1], pa.int64())),
        rows(a=[1]).append_column("more", pa.array([1])),
    ],
    ids=["name", "order", "type", "extra"],
)
@pytest.mark.parametrize("exists", [False, True])
def test_other_columns_than_the_declared_are_refused(lakehouse: Lakehouse, wrong: pa.Table, exists: bool) -> None:
    if exists:
        append_batches(lakehouse, GROWING, rows(b=[2]))
    with pytest.raises(LakehouseError, match="Table stream/growing must have the columns"):
        append_batches(lakehouse, GROWING, wrong)
    assert lakehouse.exists(GROWING.name) == exists


def test_parquet_storage_is_refused(make_lakehouse: Callable[..., Lakehouse]) -> None:
    with pytest.raises(LakehouseError, match="Appending to stream/growing needs STORAGE_FORMAT=delta"):
        append_batches(make_lakehouse(storage_format="parquet"), GROWING, rows(a=[1]))


def test_every_file_of_a_commit_is_on_disk_when_it_returns(
    lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: set[Path] = set()
    flush = module.flush_to_disk
    monkeypatch.setattr(module, "flush_to_disk", lambda path: (flush(path), flushed.add(path)))
    for batch in ("a", "b"):
        append_batches(lakehouse, GROWING, rows(**{batch: [1]}))
    table = lakehouse.path(GROWING.name)
    written = {path for path in table.rglob("*") if path.is_file()}
    assert written <= flushed
    assert {table, table / "_delta_log"} <= flushed


def test_the_rows_of_batches_are_found_in_the_files_that_can_hold_them(lakehouse: Lakehouse) -> None:
    for number in range(4):
        append_batches(lakehouse, GROWING, rows(**{f"{number}" * 64: [number]}))
    for file in DeltaTable(str(lakehouse.path(GROWING.name))).file_uris()[1:]:
        Path(file).unlink()  # the newest come first: one file is left, that of batch 333…
    assert batch_rows(lakehouse, GROWING.name, ["3" * 64], columns=["id"]).to_pylist() == [{"id": 3}]


def test_where_the_rows_of_batches_are_counted_files_older_than_theirs_are_not_read(lakehouse: Lakehouse) -> None:
    for number in range(3):  # ranges of names that rule nothing out, as hashes in larger files
        append_batches(lakehouse, GROWING, rows(**{f"a{number}": [number], f"z{number}": [number, number + 10]}))
        os.utime(newest_file(lakehouse), (number, number))
    for file in DeltaTable(str(lakehouse.path(GROWING.name))).file_uris():
        if Path(file) != newest_file(lakehouse):
            Path(file).write_bytes(b"never read")
            os.utime(file, (0, 0))
    found = batch_rows(lakehouse, GROWING.name, ["z2", "a2"], ["id"], {"a2": 1, "z2": 2, "more": 5})
    assert sorted(found["id"].to_pylist()) == [2, 2, 12]


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("asked", [[], ["b0"], ["b3", "b1"], ["b4", "none"], ["none"]])
def test_counted_or_not_the_same_rows_are_found_wherever_they_lie(
    lakehouse: Lakehouse, asked: list[str], compacted: bool
) -> None:
    for number in range(5):
        append_batches(lakehouse, GROWING, rows(**{f"b{number}": [number, -number]}))
        os.utime(newest_file(lakehouse), (9 - number, 9 - number))  # a clock that runs backwards loses no row
    if compacted:
        DeltaTable(str(lakehouse.path(GROWING.name))).optimize.compact()
    counts = {f"b{number}": 2 for number in range(5)} | {"none": 0}
    columns = ["id", "batch"]
    found = batch_rows(lakehouse, GROWING.name, asked, columns, counts)
    assert found.column_names == columns
    assert found.sort_by("id").equals(batch_rows(lakehouse, GROWING.name, asked, columns).sort_by("id"))


def newest_file(lakehouse: Lakehouse) -> Path:
    path = lakehouse.path(GROWING.name)
    log = max((path / "_delta_log").glob("*.json")).read_text().splitlines()
    return next(path / action["add"]["path"] for action in map(json.loads, log) if "add" in action)

"""Rows come into a table by their keys, in one commit, and its log remembers which commits were made."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql.types import FloatType, IntegerType, StringType, StructField, StructType, TimestampType

import resources.tables.lakehouse
from resources.tables.files import LakehouseError, TableSpec
from resources.tables.growth import changes_of, commit_changes, record, rows_under
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import read_log

GROWING = TableSpec(
    "silver/growing",
    StructType(
        [
            StructField("id", IntegerType()),
            StructField("at", TimestampType()),
            StructField("stars", FloatType()),
            StructField("word", StringType()),
        ]
    ),
)
COLUMNS = pa.schema(
    [("id", pa.int32()), ("at", pa.timestamp("us", tz="UTC")), ("stars", pa.float32()), ("word", pa.string())]
)
KEYS = ["id", "at"]


def rows(word: str, *ids: int) -> pa.Table:
    found = [{"id": number, "at": datetime(2026, 1, 1, tzinfo=UTC), "stars": 4.5, "word": word} for number in ids]
    return pa.Table.from_pylist(found, schema=COLUMNS)


def words(lakehouse: Lakehouse) -> dict[int, str]:
    return {row.id: row.word for row in lakehouse.read(GROWING.name).collect()}


def put_rows(lakehouse: Lakehouse, spec: TableSpec, found: pa.Table, transaction: str | None = None) -> tuple[int, int]:
    """Bring rows into the table; returns how many were added and how many stand in place of others."""
    with lakehouse.lock(spec.name):
        held = rows_under(lakehouse.dataset(spec.name), found.select(KEYS))
        changes = changes_of(found, held, KEYS)
        commit_changes(lakehouse, spec, changes, KEYS, transaction)
    return len(changes.new), len(changes.other)


def write_by_engine(lakehouse: Lakehouse, table: pa.Table) -> None:
    lakehouse.write(GROWING, lakehouse.engine.session.createDataFrame(table))


@pytest.mark.both_engines
def test_rows_with_new_keys_are_added_and_others_stand_in_place_of_what_was_held(lakehouse: Lakehouse) -> None:
    write_by_engine(lakehouse, rows("old", 1, 2))
    before = lakehouse.version(GROWING.name)
    assert put_rows(lakehouse, GROWING, rows("new", 2, 3), "a") == (1, 1)
    assert words(lakehouse) == {1: "old", 2: "new", 3: "new"}
    assert lakehouse.version(GROWING.name) == (before or 0) + 1
    assert {row.id: row.word for row in lakehouse.read(GROWING.name, before).collect()} == {1: "old", 2: "old"}


@pytest.mark.both_engines
def test_replacing_rows_begins_no_epoch_and_carries_the_transaction(lakehouse: Lakehouse) -> None:
    write_by_engine(lakehouse, rows("old", 1, 2))
    epoch = read_log(lakehouse, GROWING.name).epoch
    put_rows(lakehouse, GROWING, rows("new", 2), "a")
    log = read_log(lakehouse, GROWING.name)
    assert (log.epoch, log.has("a")) == (epoch, True)


def test_rows_that_are_held_as_they_are_change_nothing(lakehouse: Lakehouse) -> None:
    nulls = pa.Table.from_pylist([{"id": 1, "at": datetime(2026, 1, 1, tzinfo=UTC)}], schema=COLUMNS)
    lakehouse.write(GROWING, pa.concat_tables([nulls, rows("old", 2)]))
    before = lakehouse.dataset(GROWING.name).files
    assert put_rows(lakehouse, GROWING, pa.concat_tables([nulls, rows("old", 2)]), "a") == (0, 0)
    assert lakehouse.dataset(GROWING.name).files == before
    assert put_rows(lakehouse, GROWING, rows("old", 1)) == (0, 1)
    assert put_rows(lakehouse, GROWING, nulls) == (0, 1)
    assert words(lakehouse) == {1: None, 2: "old"}


def test_files_without_a_replaced_row_stay_as_they_are(lakehouse: Lakehouse) -> None:
    lakehouse.write(GROWING, rows("old", 1))
    first = set(lakehouse.dataset(GROWING.name).files)
    put_rows(lakehouse, GROWING, rows("old", 5))
    assert put_rows(lakehouse, GROWING, rows("new", 5)) == (0, 1)
    assert first < set(lakehouse.dataset(GROWING.name).files)
    assert words(lakehouse) == {1: "old", 5: "new"}


def test_words_are_compared_also_in_files_that_a_merge_rewrote(lakehouse: Lakehouse) -> None:
    lakehouse.write(GROWING, rows("old", 1, 2))
    put_rows(lakehouse, GROWING, rows("new", 2, 3))
    dataset, word = lakehouse.dataset(GROWING.name), ds.field("word")
    asked = [word == "new", word != "new", word > "new", word.isin(["old"]), ~word.isin(["old"])]
    found = [set(dataset.to_table(filter=each)["id"].to_pylist()) for each in asked]
    assert found == [{2, 3}, {1}, {1}, {1}, {2, 3}]
    assert dataset.to_table().schema.field("word").type == pa.string()
    assert dataset.to_table(["word"], filter=word == "new")["word"].to_pylist() == ["new", "new"]


@pytest.mark.both_engines
def test_a_key_differs_where_any_of_its_columns_does(lakehouse: Lakehouse) -> None:
    write_by_engine(lakehouse, rows("old", 1))
    later = pa.Table.from_pylist(
        [{"id": 1, "at": datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC), "stars": 1.0, "word": "later"}], schema=COLUMNS
    )
    assert put_rows(lakehouse, GROWING, later) == (1, 0)
    assert lakehouse.read(GROWING.name).count() == 2


@pytest.mark.both_engines
def test_the_engine_overwrites_what_grew(lakehouse: Lakehouse) -> None:
    write_by_engine(lakehouse, rows("old", 1))
    put_rows(lakehouse, GROWING, rows("new", 2))
    write_by_engine(lakehouse, rows("whole", 7))
    assert words(lakehouse) == {7: "whole"}


@pytest.mark.both_engines
def test_the_epoch_is_the_last_version_that_took_rows_away(lakehouse: Lakehouse) -> None:
    write_by_engine(lakehouse, rows("old", 1))
    first = read_log(lakehouse, GROWING.name).epoch
    put_rows(lakehouse, GROWING, rows("new", 2), "a")
    record(lakehouse, GROWING.name, "b", {"reco.word": "x"})
    assert read_log(lakehouse, GROWING.name).epoch == first
    write_by_engine(lakehouse, rows("whole", 7))
    log = read_log(lakehouse, GROWING.name)
    assert log.epoch == log.version > first


def test_a_restore_begins_an_epoch(lakehouse: Lakehouse) -> None:
    lakehouse.write(GROWING, rows("old", 1))
    put_rows(lakehouse, GROWING, rows("new", 2), "a")
    DeltaTable(str(lakehouse.path(GROWING.name))).restore(0)
    log = read_log(lakehouse, GROWING.name)
    assert (log.epoch, log.has("a")) == (2, True)


def test_compaction_and_merges_by_other_programs_begin_no_epoch(lakehouse: Lakehouse) -> None:
    lakehouse.write(GROWING, rows("old", 1))
    put_rows(lakehouse, GROWING, rows("new", 2))
    table = DeltaTable(str(lakehouse.path(GROWING.name)))
    table.optimize.compact()
    merging = table.merge(rows("new", 3), "t.id = s.id", source_alias="s", target_alias="t")
    merging.when_not_matched_insert_all().execute()
    table.vacuum(dry_run=False)
    log = read_log(lakehouse, GROWING.name)
    assert log.version > 2
    assert log.epoch == 0


def test_where_the_history_was_cleaned_its_oldest_commit_begins_the_epoch(lakehouse: Lakehouse) -> None:
    lakehouse.write(GROWING, rows("old", 1))
    for number in (2, 3, 4):
        put_rows(lakehouse, GROWING, rows("new", number))
    DeltaTable(str(lakehouse.path(GROWING.name))).create_checkpoint()
    for version in (0, 1):
        (lakehouse.path(GROWING.name) / "_delta_log" / f"{version:020}.json").unlink()
    assert read_log(lakehouse, GROWING.name).epoch == 2
    assert lakehouse.row_count(GROWING.name) == 4


@pytest.mark.both_engines
@pytest.mark.parametrize("ids", [(1, 2), (1,), ()], ids=["a new row", "no new row", "no row"])
def test_the_transaction_is_recorded_whether_there_were_new_rows_or_not(
    lakehouse: Lakehouse, ids: tuple[int, ...]
) -> None:
    write_by_engine(lakehouse, rows("old", 1))
    assert not read_log(lakehouse, GROWING.name).has("merge:0:a")
    put_rows(lakehouse, GROWING, rows("new", *ids), "merge:0:a")
    assert read_log(lakehouse, GROWING.name).has("merge:0:a")
    assert set(words(lakehouse)) == {1, *ids}


def test_without_a_new_row_and_without_a_transaction_nothing_is_committed(lakehouse: Lakehouse) -> None:
    lakehouse.write(GROWING, rows("old", 1))
    assert put_rows(lakehouse, GROWING, rows("old", 1)) == (0, 0)
    assert lakehouse.version(GROWING.name) == 0


@pytest.mark.both_engines
def test_properties_are_read_back_and_outlive_an_overwrite_as_does_the_tables_id(lakehouse: Lakehouse) -> None:
    write_by_engine(lakehouse, rows("old", 1))
    before = read_log(lakehouse, GROWING.name)
    record(lakehouse, GROWING.name, None, {"reco.word": "x"})
    write_by_engine(lakehouse, rows("whole", 7))
    after = read_log(lakehouse, GROWING.name)
    assert (before.property_of("reco.word"), after.property_of("reco.word")) == (None, "x")
    assert before.table_id == after.table_id


def test_a_table_made_anew_has_another_id(lakehouse: Lakehouse) -> None:
    lakehouse.write(GROWING, rows("old", 1))
    before = read_log(lakehouse, GROWING.name).table_id
    lakehouse.path(GROWING.name).rename(lakehouse.path("moved_away"))
    lakehouse.write(GROWING, rows("old", 1))
    assert read_log(lakehouse, GROWING.name).table_id != before


def test_other_columns_than_the_declared_ones_are_refused(lakehouse: Lakehouse) -> None:
    lakehouse.write(GROWING, rows("old", 1))
    with pytest.raises(LakehouseError, match=r"silver/growing must have the columns"):
        put_rows(lakehouse, GROWING, rows("new", 2).drop_columns("word"))
    assert words(lakehouse) == {1: "old"}


def test_a_table_that_is_not_there_is_named(lakehouse: Lakehouse) -> None:
    with pytest.raises(LakehouseError, match="silver/growing does not exist"):
        put_rows(lakehouse, GROWING, rows("new", 1))


def test_a_parquet_table_has_no_log(make_lakehouse: Callable[..., Lakehouse]) -> None:
    parquet = make_lakehouse(storage_format="parquet")
    parquet.write(GROWING, rows("old", 1))
    with pytest.raises(LakehouseError, match="STORAGE_FORMAT=delta"):
        put_rows(parquet, GROWING, rows("new", 2))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sets(st.integers(0, 8)), min_size=1, max_size=5))
def test_however_rows_arrive_each_key_is_there_once_with_its_last_row(
    make_lakehouse: Callable[..., Lakehouse], arrivals: list[set[int]]
) -> None:
    lakehouse = make_lakehouse()
    lakehouse.write(GROWING, rows("-"))
    expected: dict[int, str] = {}
    for at, ids in enumerate(arrivals):
        put = put_rows(lakehouse, GROWING, rows(str(at), *ids), f"t{at}")
        assert put == (len(ids - expected.keys()), len(ids & expected.keys()))
        expected |= dict.fromkeys(ids, str(at))
    found = lakehouse.dataset(GROWING.name).to_table().to_pylist()
    assert {row["id"]: row["word"] for row in found} == expected
    assert len(found) == len(expected)


_READ_AND_END = """
import sys
import pyarrow.compute as pc
from resources.tables.lakehouse import Lakehouse
from resources.settings import load_settings
settings = load_settings(lakehouse_path=sys.argv[1])
lakehouse = Lakehouse.open(settings)
for _ in range(5):
    lakehouse.dataset("silver/growing").to_table(columns=["id"], filter=pc.field("id") < 5)
"""


@pytest.mark.slow
def test_a_process_that_ends_right_after_reading_ends_well(lakehouse: Lakehouse) -> None:
    lakehouse.write(GROWING, rows("old", *range(100_000)))
    command = [sys.executable, "-c", _READ_AND_END, str(lakehouse.root)]
    for _ in range(5):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_of_a_log_that_carries_transactions_only_what_came_since_is_read(
    lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    lakehouse.write(GROWING, rows("old", 1))
    for number in range(5):
        record(lakehouse, GROWING.name, f"t{number}")
    asked = []

    class Watched(DeltaTable):
        def history(self, limit: int | None = None) -> list[dict]:
            asked.append(limit)
            return super().history(limit)

    monkeypatch.setattr(resources.tables.lakehouse, "DeltaTable", Watched)
    assert read_log(lakehouse, GROWING.name).epoch == 0
    assert asked == [1]


def test_a_lossy_commit_after_one_with_a_transaction_begins_an_epoch_that_outlives_the_logs_cleaning(
    lakehouse: Lakehouse,
) -> None:
    lakehouse.write(GROWING, rows("old", 1))
    record(lakehouse, GROWING.name, "a")
    lakehouse.write(GROWING, rows("new", 2))
    assert read_log(lakehouse, GROWING.name).epoch == 2
    record(lakehouse, GROWING.name, "b")
    record(lakehouse, GROWING.name, "c")
    path = lakehouse.path(GROWING.name)
    DeltaTable(str(path)).create_checkpoint()
    for version in range(4):
        (path / "_delta_log" / f"{version:020}.json").unlink()
    assert read_log(lakehouse, GROWING.name).epoch == 2

"""Rows are taken out of every version of a table, and of what its log says of them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pac
from deltalake import DeltaTable, write_deltalake

from resources.tables.scrubbing import scrub_table

WHO = 1_987_654_321


def rows(*users: int) -> pa.Table:
    return pa.table({"user_id": pa.array(users, pa.int32())})


def theirs(table: pa.Table) -> pa.ChunkedArray:
    return pac.equal(table["user_id"], WHO)


def said_in_log(path: Path) -> bool:
    logs = [*(path / "_delta_log").glob("*.json"), *(path / "_delta_log").glob("*.parquet")]
    packed = [str(pa.parquet.read_table(file).to_pylist()) for file in logs if file.suffix == ".parquet"]
    return any(str(WHO) in text for text in [*packed, *(file.read_text() for file in logs if file.suffix == ".json")])


def test_the_log_names_no_row_of_files_that_are_gone_and_of_merges(tmp_path: Path) -> None:
    path = tmp_path / "table"
    write_deltalake(path, rows(1, WHO))
    merging = DeltaTable(path).merge(rows(1, WHO), "t.user_id = s.user_id", "s", "t", streamed_exec=False)
    merging.when_matched_update_all().execute()
    write_deltalake(path, rows(1, 2), mode="overwrite")
    DeltaTable(path).vacuum(0, dry_run=False, enforce_retention_duration=False)
    DeltaTable(path).create_checkpoint()
    write_deltalake(path, rows(3), mode="append")
    before = DeltaTable(path).version()
    assert said_in_log(path)

    assert scrub_table(path, theirs) == 0

    assert not said_in_log(path)
    assert DeltaTable(path).version() == before
    assert sorted(DeltaTable(path).to_pyarrow_table()["user_id"].to_pylist()) == [1, 2, 3]


def test_a_checkpoint_says_of_a_file_what_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "table"
    write_deltalake(path, rows(1, WHO))
    DeltaTable(path).create_checkpoint()

    assert scrub_table(path, theirs) == 1

    assert not said_in_log(path)
    assert DeltaTable(path).to_pyarrow_table().to_pylist() == [{"user_id": 1}]
    assert DeltaTable(path).get_add_actions(flatten=True)["max.user_id"].to_pylist() == [1]


def test_a_file_that_a_merge_rewrote_keeps_its_other_rows_and_words(tmp_path: Path) -> None:
    path = tmp_path / "table"
    said = rows(1, 2, WHO).append_column("word", pa.array(["a", "b", "c"]))
    write_deltalake(path, said)
    merging = DeltaTable(path).merge(said, "t.user_id = s.user_id", "s", "t", streamed_exec=False)
    merging.when_matched_update_all().execute()

    assert scrub_table(path, theirs) == 2  # of both versions

    assert sorted(DeltaTable(path).to_pyarrow_table()["word"].to_pylist()) == ["a", "b"]


def test_a_file_that_a_merge_rewrote_keeps_its_lists_of_words(tmp_path: Path) -> None:
    path = tmp_path / "table"
    write_deltalake(path, rows(1, WHO, 3).append_column("reasons", pa.array([["a"], ["b"], ["c"]])))
    merging = DeltaTable(path).merge(rows(3), "t.user_id = s.user_id", "s", "t")
    merging.when_matched_delete().execute()

    assert scrub_table(path, theirs) == 2

    assert DeltaTable(path).to_pyarrow_table().to_pylist() == [{"user_id": 1, "reasons": ["a"]}]

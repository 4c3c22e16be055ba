"""DuckDB files: what goes wrong with one is a line that names it, whichever way a run tells of it."""

from pathlib import Path

import duckdb
import pytest

from resources.databases import DatabaseError, new_database, open_to_read


def test_a_file_is_whole_when_the_block_ends(tmp_path: Path) -> None:
    with new_database(tmp_path / "a.duckdb", tmp_path / "b.duckdb") as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS x")
    assert [file.name for file in tmp_path.iterdir()] == ["a.duckdb"]
    assert open_to_read(tmp_path / "a.duckdb").sql("FROM t").fetchall() == [(1,)]


@pytest.mark.parametrize("kind", [duckdb.IOException, duckdb.TransactionException])
def test_a_full_disk_names_the_file_as_people_know_it_and_has_no_other_cause(kind: type, tmp_path: Path) -> None:
    with (
        pytest.raises(DatabaseError, match=r"No space is left to write \S+/known\.duckdb\.") as raised,
        new_database(tmp_path / "hidden.duckdb", tmp_path / "known.duckdb"),
    ):
        raise kind("Failed to commit: Could not write file: No space left on device")
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_an_error_of_a_query_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(duckdb.CatalogException), new_database(tmp_path / "a", tmp_path / "a") as connection:
        connection.execute("FROM nothing")


def test_a_file_opened_to_read_cannot_be_written(tmp_path: Path) -> None:
    with new_database(tmp_path / "a.duckdb", tmp_path / "a.duckdb"):
        pass
    with pytest.raises(duckdb.InvalidInputException, match="read-only"):
        open_to_read(tmp_path / "a.duckdb").execute("CREATE TABLE t (x INTEGER)")

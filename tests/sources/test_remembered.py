"""What a lakehouse was loaded from is noted, survives damage, and moves with the lakehouse."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from reco_assets.sources.remembered import FILE, NOTE, Remembered, recall, remember, remembered_as
from resources.tables.files import TableSpec
from resources.tables.writing import schema_of, write_arrow


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def write_bronze(root: Path, note: Remembered | None, storage_format: str = "delta", **columns: list[str]) -> None:
    rows = pa.table(columns or {"userId": ["1"], "_source_file": ["ratings.csv"]})
    if note:
        rows = rows.replace_schema_metadata({NOTE: note.model_dump_json(), "other": "text"})
    write_arrow(TableSpec("bronze/ratings", schema_of(rows)), root / "bronze" / "ratings", rows, storage_format)


def test_an_empty_lakehouse_remembers_nothing(root: Path) -> None:
    assert recall(root) is None


def test_a_source_is_remembered_until_another_is(root: Path) -> None:
    for source in (Remembered(kind="synthetic"), Remembered(kind="netflix", folder="/raw")):
        remember(root, source)
        assert recall(root) == source


def test_a_folder_in_the_lakehouse_is_noted_relative_so_that_a_copy_reads_its_own(root: Path) -> None:
    source = remembered_as(root, "movielens", root / "bronze" / "movielens" / "ml")
    assert source.folder == "bronze/movielens/ml"
    assert source.path(Path("/copy")) == Path("/copy/bronze/movielens/ml")


def test_a_folder_elsewhere_is_noted_as_it_is(root: Path) -> None:
    source = remembered_as(root, "movielens", Path("/raw"))
    assert source.path(Path("/copy")) == Path("/raw")


DAMAGED = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[]",
    b"null",
    b'{"kind": 1}',
    b'{"kind": "imdb"}',
    b'{"kind": "netflix", "folder": 5}',
    b'{"kind": "netflix", "folder": "../../etc"}',
    b'{"kind": "netflix", "more": 1}',
]


@pytest.mark.parametrize("storage_format", ["delta", "parquet"])
@pytest.mark.parametrize("text", [*DAMAGED, None])
def test_a_file_that_is_damaged_or_gone_is_rebuilt_from_bronze(
    root: Path, text: bytes | None, storage_format: str
) -> None:
    source = Remembered(kind="netflix", folder="/raw")
    write_bronze(root, source, storage_format)
    if text is not None:
        (root / FILE).write_bytes(text)
    assert recall(root) == source
    remember(root, source)
    assert json.loads((root / FILE).read_text()) == {"kind": "netflix", "folder": "/raw"}


def test_the_newest_note_counts_whatever_was_committed_since(root: Path) -> None:
    for folder in ("/old", "/new"):
        write_bronze(root, Remembered(kind="movielens", folder=folder))
    rows = pa.table({"userId": ["2"], "_source_file": ["ratings.csv"]})
    write_deltalake(str(root / "bronze" / "ratings"), rows, mode="append")
    assert recall(root) == Remembered(kind="movielens", folder="/new")


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"userId": ["1"], "_source_file": ["ratings.csv"]}, "movielens"),
        ({"userId": ["1"], "_source_file": ["synthetic"]}, "synthetic"),
        ({"MOVIE_ID": ["1"], "_source_file": ["combined_data_1.txt"]}, "netflix"),
        ({"MOVIE_ID": ["1"], "_source_file": ["test.txt"]}, "presplit"),
    ],
)
def test_of_bronze_without_a_note_the_rows_tell_the_kind_alone(
    root: Path, columns: dict[str, list[str]], kind: str
) -> None:
    write_bronze(root, None, **columns)
    assert recall(root) == Remembered.model_validate({"kind": kind})


def test_bronze_that_cannot_be_read_is_something_that_was_loaded(root: Path) -> None:
    write_bronze(root, None)
    (root / "bronze/ratings/_delta_log/00000000000000000000.json").write_text("{")
    assert recall(root) == Remembered(kind=None)


def test_silver_without_bronze_is_something_that_was_loaded(root: Path) -> None:
    rows = pa.table({"user_id": [1]})
    write_arrow(TableSpec("silver/ratings", schema_of(rows)), root / "silver" / "ratings", rows, "delta")
    assert recall(root) == Remembered(kind=None)

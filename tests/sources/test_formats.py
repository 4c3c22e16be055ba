"""What a new kind of source needs: its module, and a line in the list of formats."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from reco_assets.sources.formats import FORMATS
from reco_assets.sources.layout import Columns, Layout, RawForm
from reco_assets.sources.raw_forms import raw_form_of, raw_schema
from reco_assets.sources.recognise import advice_on
from reco_assets.sources.source import Format, Loaded, RawTable, Source, empty_table, raw_batch, read_raw
from reco_assets.sources.text_files import csv_table
from reco_assets.sources.typed import typed

BOOKS = Layout(
    ratings=Columns({"Reader": "user_id", "Book": "movie_id", "Stars": "rating", "At": "timestamp"}),
    movies=Columns({"Book": "movie_id", "Name": "title"}),
    tags=Columns({"Reader": "user_id", "Book": "movie_id", "Shelf": "tag", "On": "date"}),
)
AT = pa.scalar(datetime(2026, 1, 1, tzinfo=UTC), pa.timestamp("us", tz="UTC"))


def test_a_new_source_gives_the_platforms_columns(tmp_path: Path) -> None:
    path = tmp_path / "stars.csv"
    path.write_text("Reader,Book,Stars,At\n1,2,4,1000000000\n1,x,4,1000000000\n")
    rows = read_raw(csv_table(path, BOOKS.ratings)).read_all()
    assert raw_form_of(rows.schema, "bronze/ratings") == RawForm(BOOKS.ratings.fields, whole_stars="")
    assert rows.drop_columns(["_loaded_ts", "_source_file"]).to_pylist() == [
        {"user_id": 1, "movie_id": 2, "rating": 4.0, "timestamp": 1_000_000_000, "_rescued": None, "_line": 2},
        {"user_id": 1, "movie_id": None, "rating": 4.0, "timestamp": 1_000_000_000, "_line": 3}
        | {"_rescued": "1,x,4,1000000000"},
    ]


def test_a_column_that_a_source_does_not_have_is_null() -> None:
    form = RawForm(BOOKS.movies.fields)
    values = typed({"movie_id": pa.array(["2"]), "title": pa.array(["Emma (1815)"])}, form)
    (row,) = raw_batch(values, form, Loaded(pa.array([2]), "books.csv", AT)).to_pylist()
    assert (row["movie_id"], row["title"], row["genres"], row["year"], row["_rescued"]) == (
        2,
        "Emma (1815)",
        None,
        None,
        None,
    )


def test_a_folder_of_a_new_source_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never_opened(folder: Path) -> Source:
        raise AssertionError(folder)

    monkeypatch.setitem(FORMATS, "books", Format(never_opened, signs=("books.csv",)))  # type: ignore[misc,call-overload]
    (tmp_path / "books.csv").touch()
    assert advice_on(tmp_path, "movielens") == "It holds books.csv: set RECO_SOURCE=books."


@pytest.mark.parametrize("columns", [*BOOKS], ids=["ratings", "movies", "tags"])
def test_a_table_without_a_row_has_its_columns_and_says_how_lines_would_be_written(columns: Columns) -> None:
    schema = read_raw(empty_table(columns)).schema
    assert schema == raw_schema(RawForm(columns.fields))
    assert raw_form_of(schema, "bronze/tags") == RawForm(columns.fields)


@pytest.mark.parametrize("fields", [("user_id", "movie_id"), ("title", "rating")], ids=["two tables", "no table"])
def test_fields_that_do_not_tell_which_table_they_are_of_are_named(fields: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=rf"^Fields {', '.join(fields)} must fit one raw table, and fit \d of bronze/"):
        raw_schema(RawForm(fields))


def test_what_is_noted_of_a_table_comes_with_it() -> None:
    assert read_raw(RawTable(BOOKS.movies, lambda: iter(())), {"reco.source": "books"}).schema.metadata == {
        b"reco.source": b"books"
    }

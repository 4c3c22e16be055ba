"""What a new kind of source needs: its module, and a line in the list of formats."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from reco_assets.silver.layouts import movies_as_text, ratings_as_text
from reco_assets.sources.formats import FORMATS, UnknownColumnsError, columns_among, raw_columns
from reco_assets.sources.layout import Columns, Layout
from reco_assets.sources.recognise import advice_on
from reco_assets.sources.rules import broken_rules
from reco_assets.sources.source import Format, Source

BOOKS = Layout(
    ratings=Columns({"Reader": "user_id", "Book": "movie_id", "Stars": "rating", "At": "timestamp"}),
    movies=Columns({"Book": "movie_id", "Name": "title"}),
    tags=Columns({"Reader": "user_id", "Book": "movie_id", "Shelf": "tag", "On": "date"}),
)


def never_opened(folder: Path) -> Source:
    raise AssertionError(folder)


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "books", Format(never_opened, BOOKS, signs=("books.csv",)))  # type: ignore[misc,call-overload]


def as_bronze(spark: Any, **text: str) -> Any:
    provenance = {"_line": [2], "_source_file": ["books.csv"], "_loaded_ts": [datetime(2026, 1, 1, tzinfo=UTC)]}
    return spark.createDataFrame(pa.table({name: [value] for name, value in text.items()} | provenance))


@pytest.mark.usefixtures("books")
def test_rows_of_a_new_source_are_judged_by_what_its_columns_are() -> None:
    text = {what: pa.array([field]) for what, field in zip(BOOKS.ratings.fields, ["1", "x", "4.5", "9"], strict=True)}
    assert list(broken_rules(text, datetime(2026, 1, 2, tzinfo=UTC))) == ["invalid_movie_id"]


@pytest.mark.usefixtures("books")
def test_silver_reads_the_columns_of_a_new_source(spark: Any) -> None:
    rated = ratings_as_text(as_bronze(spark, Reader="1", Book="2", Stars="4.5", At="1000000000")).toArrow().to_pylist()
    named = movies_as_text(as_bronze(spark, Book="2", Name="Emma (1815)")).toArrow().to_pylist()
    wanted = {"user_id": "1", "movie_id": "2", "rating": "4.5", "seconds": "1000000000"}
    assert {name: rated[0][name] for name in wanted} == wanted
    assert (named[0]["title"], named[0]["year"], named[0]["genres_string"]) == ("Emma (1815)", "", "(no genres listed)")


@pytest.mark.usefixtures("books")
def test_a_folder_of_a_new_source_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "books.csv").touch()
    assert advice_on(tmp_path, "movielens") == "It holds books.csv: set RECO_SOURCE=books."


@pytest.mark.usefixtures("books")
def test_bronze_may_have_the_columns_of_a_new_source() -> None:
    assert BOOKS.ratings.names in raw_columns("ratings")


def test_layouts_that_two_sources_share_count_once() -> None:
    assert len(raw_columns("ratings")) == 2


def test_columns_of_no_source_are_refused_by_name() -> None:
    with pytest.raises(UnknownColumnsError, match=r"No source has a table of the columns a, b\."):
        columns_among(["b", "a", "_line"])


def test_columns_tell_what_they_are_and_back() -> None:
    columns: Callable[..., Any] = BOOKS.ratings.by_meaning.get
    assert (columns("rating"), columns("genres")) == ("Stars", None)

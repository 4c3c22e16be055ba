"""The previews of gold: a person reads titles, not ids."""

from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.gold.previews import PREVIEWS
from reco_assets.tables import DECLARED, SILVER_MOVIES
from resources.io_managers import table_metadata
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse

ENTRIES = [{"movie_id": movie, "score": 0.5, "rank": rank} for rank, movie in enumerate((2, 9, 2, 9), 1)]
FILM = {"movie_id": 2, "title": "Heat (1995)", "genres_string": "Crime", "genres": ["Crime"], "release_year": 1995}


def write(lakehouse: Lakehouse, spec: TableSpec, *rows: dict[str, Any]) -> None:
    schema = to_arrow_schema(spec.schema, timezone="UTC")
    lakehouse.write(spec, pa.Table.from_pylist(list(rows), schema))


def shown(lakehouse: Lakehouse, table: str, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    write(lakehouse, DECLARED[table], *rows)
    preview = table_metadata(lakehouse, DECLARED[table], PREVIEWS[table])["preview"]
    return [dict(record.data) for record in preview.records]


@pytest.fixture
def known(lakehouse: Lakehouse) -> Lakehouse:
    """Movie 2 has a title, movie 9 none."""
    write(lakehouse, SILVER_MOVIES, FILM)
    return lakehouse


def test_a_list_shows_its_first_titles_and_how_long_it_is(known: Lakehouse) -> None:
    row = {"user_id": 7, "recommendations": ENTRIES, "model_version": "v1"}
    assert shown(known, "gold/recommendations_als", row) == [
        {
            "user": "7",
            "first": "Heat (1995)",
            "second": "movie 9",
            "third": "Heat (1995)",
            "movies in the list": "4",
            "model": "v1",
        }
    ]


def test_a_list_of_who_came_says_what_it_is_made_of(known: Lakehouse) -> None:
    row = {"user_id": 7, "recommendations": [], "model_version": "v1", "basis": "history_and_waiting"}
    (found,) = shown(known, "gold/recommendations_fresh", row)
    assert (found["first"], found["made of"]) == ("", "history and waiting")


def test_reasons_show_titles_and_their_share(known: Lakehouse) -> None:
    row = {"user_id": 7, "movie_id": 9, "because": [{"movie_id": 2, "share": 0.25}], "model_version": "v1"}
    (found,) = shown(known, "gold/recommendations_why", row)
    assert found == {"user": "7", "movie": "movie 9", "first": "Heat (1995): 25%", "second": "", "third": ""}


def test_similar_movies_and_trending_ones_show_titles(known: Lakehouse) -> None:
    (alike,) = shown(known, "gold/similar_movies", {"movie_id": 2, "similar": ENTRIES[1:2], "model_version": "v1"})
    assert (alike["movie"], alike["first"]) == ("Heat (1995)", "movie 9")
    (now,) = shown(known, "gold/trending", {"movie_id": 2, "score": 1.5, "events": 3, "rank": 1})
    assert now == {"rank": "1", "movie": "Heat (1995)", "score": "1.5", "events": "3"}


def test_a_preview_needs_neither_movies_nor_rows(lakehouse: Lakehouse) -> None:
    row = {"user_id": 7, "recommendations": ENTRIES, "model_version": "v1"}
    assert shown(lakehouse, "gold/recommendations_als", row)[0]["first"] == "movie 2"
    assert shown(lakehouse, "gold/recommendations_als") == []

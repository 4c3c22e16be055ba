"""What features are made of: silver, and what only the log of events knows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from reco_assets.features.inputs import FeatureInputsError, read_inputs
from reco_assets.features.run import compute_store
from reco_assets.features.store import FeatureStore
from reco_assets.tables import EVENTS_LOG, TEST_RATINGS, TRAIN_RATINGS
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse
from tests.features.conftest import Fill, day


def log(lakehouse: Lakehouse, *events: dict[str, Any]) -> None:
    """Write events to the log, in the order in which they came."""
    rows = [
        {
            "event_id": f"e{offset}",
            "session_id": "s",
            "extra": "{}",
            "topic": "t",
            "source": "files",
            "partition": 0,
            "offset": offset,
            "ingested_ts": day(100),
            "event_date": event["event_ts"].date(),
        }
        | event
        for offset, event in enumerate(events)
    ]
    lakehouse.write(EVENTS_LOG, pa.Table.from_pylist(rows, schema_of_log()))


def schema_of_log() -> pa.Schema:
    from pyspark.sql.pandas.types import to_arrow_schema

    schema: pa.Schema = to_arrow_schema(EVENTS_LOG.schema, timezone="UTC")
    return schema


def event(kind: str, user: int | None, movie: int, ts: datetime, **more: Any) -> dict[str, Any]:
    return {"event_type": kind, "user_id": user, "movie_id": movie, "event_ts": ts} | more


def interactions(lakehouse: Lakehouse) -> Sequence[tuple[Any, ...]]:
    with FeatureStore.open(compute_store(lakehouse).path) as store:
        return [tuple(row.values()) for row in store.interactions().to_pylist()]


def side(lakehouse: Lakehouse, spec: TableSpec, *rows: tuple[int, int, float, int, str]) -> None:
    """Write a side of the split: user, movie, stars, the day, and where the rating came from."""
    users, movies, stars, days, origins = zip(*rows, strict=True)
    columns = {
        "user_id": pa.array(users, pa.int32()),
        "movie_id": pa.array(movies, pa.int32()),
        "rating": pa.array(stars, pa.float32()),
        "rating_ts": pa.array([day(each) for each in days], pa.timestamp("us", "UTC")),
        "origin": origins,
    }
    lakehouse.write(spec, pa.table(columns))


def test_without_any_rating_one_error_says_what_to_do(lakehouse: Lakehouse) -> None:
    with pytest.raises(FeatureInputsError, match=r"neither silver/ratings nor events/log .* reco etl"):
        read_inputs(lakehouse)


def test_events_alone_are_enough(lakehouse: Lakehouse) -> None:
    log(lakehouse, event("rating", 1, 10, day(0), rating=4.0), event("movie", None, 10, day(0), title="A (1999)"))
    assert interactions(lakehouse) == [(1, 10, 4.0, day(0).replace(tzinfo=None))]


def test_of_two_ratings_in_one_second_silver_wins_and_else_the_last_that_came(fill: Fill) -> None:
    lakehouse = fill([(1, 10, 5.0, 0)])
    log(
        lakehouse,
        event("rating", 1, 10, day(0).replace(microsecond=700_000), rating=1.0),
        event("rating", 1, 20, day(1), rating=2.0),
        event("rating", 1, 20, day(1), rating=3.0),
    )
    assert [row[:3] for row in interactions(lakehouse)] == [(1, 10, 5.0), (1, 20, 3.0)]


def test_ratings_of_accepted_batches_are_among_them_and_correct_those_of_silver(fill: Fill) -> None:
    lakehouse = fill([(1, 10, 5.0, 0), (1, 20, 2.0, 1)])
    side(lakehouse, TRAIN_RATINGS, (1, 10, 5.0, 0, "history"), (2, 10, 3.0, 2, "batch"))
    side(lakehouse, TEST_RATINGS, (1, 20, 4.5, 1, "batch"), (2, 20, 1.0, 3, "batch"))
    assert [row[:3] for row in interactions(lakehouse)] == [(1, 10, 5.0), (1, 20, 4.5), (2, 10, 3.0), (2, 20, 1.0)]


def test_what_only_the_split_still_has_of_history_is_not_among_them(fill: Fill) -> None:
    lakehouse = fill([(1, 10, 5.0, 0)])
    side(lakehouse, TRAIN_RATINGS, (1, 10, 5.0, 0, "history"), (9, 10, 3.0, 2, "history"))
    assert [row[:3] for row in interactions(lakehouse)] == [(1, 10, 5.0)]


def test_movies_that_only_events_tell_of_have_their_newest_title_year_and_genres(fill: Fill) -> None:
    lakehouse = fill([(1, 10, 5.0, 0)])
    log(
        lakehouse,
        event("movie", None, 10, day(0), title="Not Heat", genres="Drama"),
        event("movie", None, 40, day(0), title="Draft", genres="Drama"),
        event("movie", None, 40, day(1), title="New (2019)", genres="Drama|Musical"),
    )
    movies = {row["movie_id"]: row for row in read_inputs(lakehouse).sources.movies.to_pylist()}
    assert movies[10]["title"] == "Heat"
    assert movies[40] == {"movie_id": 40, "title": "New (2019)", "genres": ["Drama", "Musical"], "release_year": 2019}


def test_views_and_clicks_are_known_from_the_next_second_on(fill: Fill) -> None:
    lakehouse = fill([(1, 10, 5.0, 5)])
    log(lakehouse, event("view", 1, 10, day(1)), event("click", 1, 10, day(2)), event("view", 2, 10, day(3)))
    with FeatureStore.open(compute_store(lakehouse).path) as store:
        (row,) = store.training_examples().to_pylist()
    assert (row["pair_views"], row["pair_clicks"], row["movie_views"], row["user_views"]) == (1, 1, 2, 1)


def test_the_versions_of_what_was_read_are_known(fill: Fill) -> None:
    assert read_inputs(fill([(1, 10, 5.0, 0)])).versions == {"silver/ratings": 0, "silver/movies": 0}

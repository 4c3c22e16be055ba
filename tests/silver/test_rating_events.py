"""Rating events are ratings: beside those of the source, by the same rules, none lost and none made up."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.quality.etl_report import count_rows
from reco_assets.silver.assets import silver_ratings
from reco_assets.silver.event_rows import LOGGED, event_frame, event_rows
from reco_assets.silver.ratings import RAW
from reco_assets.sources import movielens
from reco_assets.sources.layout import RawForm
from reco_assets.tables import BRONZE_RATINGS, EVENTS_LOG, RATING_EVENTS
from resources.tables.lakehouse import Lakehouse
from resources.tables.positions import append_from, read_positions

AT = datetime(2026, 1, 2, 10, tzinfo=UTC)
BOTH = ("silver/ratings", "silver/quarantine_ratings")


@pytest.fixture
def log(lakehouse: Lakehouse) -> Callable[..., None]:
    """Append events to the log: (user_id, movie_id, rating), or another type of event."""

    def append(*ratings: tuple[int, int, float], kind: str = "rating", seconds: float = 0) -> None:
        schema = to_arrow_schema(EVENTS_LOG.schema, timezone="UTC")
        positions = read_positions(lakehouse, EVENTS_LOG)
        start, moment = positions.of("t") or 0, AT + timedelta(seconds=seconds)
        common = {"event_type": kind, "event_ts": moment, "event_date": moment.date(), "ingested_ts": moment}
        place = {"source": "t", "topic": "reco.ratings", "partition": 0}
        rows = [
            {"event_id": f"{start + at}", "user_id": user, "movie_id": movie, "rating": stars, "offset": start + at}
            for at, (user, movie, stars) in enumerate(ratings)
        ]
        rows = [dict.fromkeys(schema.names) | common | place | row for row in rows]
        append_from(lakehouse, EVENTS_LOG, positions, pa.Table.from_pylist(rows, schema), {"t": start + len(rows)})

    return append


@pytest.fixture
def bronze(lakehouse: Lakehouse, raw: Callable[..., pa.Table]) -> None:
    """One rating of user 1 in a file, twice."""
    lakehouse.write(BRONZE_RATINGS, raw(RawForm(movielens.LAYOUT.ratings.fields), [("1", "1", "4", "9")] * 2))


@pytest.fixture
def make(lakehouse: Lakehouse, bronze: None) -> Callable[..., None]:
    """Materialise tables of silver's ratings."""
    from resources.io_managers import LakehouseIOManager

    def materialise(*tables: str) -> None:
        resources: Any = {"lakehouse": lakehouse, "io_manager": LakehouseIOManager(lakehouse, {})}
        selection = dg.AssetSelection.assets(*(table.split("/") for table in tables))
        raw = dg.AssetSpec(["bronze", "ratings"])
        assert dg.materialize([raw, silver_ratings], resources=resources, selection=selection).success

    return materialise


def silver(lakehouse: Lakehouse) -> list[tuple[int, int, float]]:
    return sorted((row["user_id"], row["movie_id"], row["rating"]) for row in rows(lakehouse, BOTH[0]))


def rows(lakehouse: Lakehouse, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lakehouse.dataset(table).to_table().to_pylist()
    return found


@pytest.mark.both_engines
def test_a_rating_event_is_a_raw_row_with_its_place_in_memory_and_as_a_frame(
    lakehouse: Lakehouse, log: Callable, rows_of: Callable[[Any], list[dict[str, Any]]]
) -> None:
    log((7, 3, 4.0))
    log((7, 4, None), kind="view")
    log((8, 3, 4.5), seconds=0.25)
    logged = lakehouse.dataset("events/log").to_table(LOGGED, ds.field("event_type") == "rating")
    expected = [(7, 3, 4.0, 0, "7,3,4.0,2026-01-02 10:00:00"), (8, 3, 4.5, 2, "8,3,4.5,2026-01-02 10:00:00.25")]
    for made in (event_rows(logged), event_frame(lakehouse.read("events/log"))):
        rows = sorted(rows_of(made.select(list(RAW))), key=lambda row: row["user_id"])
        assert rows == [
            {
                "user_id": user,
                "movie_id": movie,
                "rating": rating,
                "timestamp": int(AT.timestamp()),
                "_rescued": text,
                "_line": offset + 1,
                "_source_file": "events/log/t/reco.ratings/0",
            }
            for user, movie, rating, offset, text in expected
        ]


@pytest.mark.both_engines
def test_ratings_of_events_and_of_the_source_are_one_table_and_their_rows_are_conserved(
    lakehouse: Lakehouse, log: Callable, make: Callable
) -> None:
    log((7, 3, 4.5), (7, 3, 2.0), (8, 3, 5.0), (8, 3, 5.0))
    make(*BOTH)
    assert silver(lakehouse) == [(1, 1, 4.0), (7, 3, 2.0), (8, 3, 5.0)]  # of one second the last counts
    [refused] = rows(lakehouse, BOTH[1])
    place = (refused["source"], refused["line"], refused["reasons"])
    assert place == ("events/log/t/reco.ratings/0", 1, ["conflicting_duplicate"])
    counted = count_rows(lakehouse, "ratings")
    assert (counted.rows_in, counted.silver, counted.quarantined, counted.exact_duplicates) == (6, 3, 1, 2)
    assert counted.holds


def test_without_events_the_table_is_that_of_the_source_and_nothing_is_noted(
    lakehouse: Lakehouse, make: Callable
) -> None:
    make(*BOTH)
    assert silver(lakehouse) == [(1, 1, 4.0)]
    assert not (lakehouse.root / RATING_EVENTS).exists()
    assert count_rows(lakehouse, "ratings").holds


def test_events_that_come_between_a_table_and_its_report_are_not_missed_by_the_report(
    lakehouse: Lakehouse, log: Callable, make: Callable
) -> None:
    log((7, 3, 4.5), (7, 3, 2.0))
    make(*BOTH)
    log((9, 3, 1.0), seconds=1)
    assert count_rows(lakehouse, "ratings").holds
    make(BOTH[1])
    assert count_rows(lakehouse, "ratings").holds
    make(*BOTH)
    assert (9, 3, 1.0) in silver(lakehouse)
    assert count_rows(lakehouse, "ratings").holds


def test_an_event_that_silver_lost_breaks_the_conservation(lakehouse: Lakehouse, log: Callable, make: Callable) -> None:
    log((7, 3, 4.5))
    make(*BOTH)
    (lakehouse.root / RATING_EVENTS).unlink()
    make(BOTH[1])
    assert not count_rows(lakehouse, "ratings").holds

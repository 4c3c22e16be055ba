"""What is logged of publications."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.experiments.exposures import exposures
from reco_assets.gold.recommendations import Order, user_rows
from reco_assets.models.interface import TopN
from reco_assets.models.versions.experiments import Experiment
from reco_assets.tables import EXPOSURES

FIRST, SECOND = (datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2))
OLD, NEW, OTHER = "20250101_000001", "20250101_000002", "20250101_000003"
NONE = to_arrow_schema(EXPOSURES.schema, timezone="UTC").empty_table()
RUNS = Experiment("20260101_000000", OLD, NEW, 0.5, "2026-01-01T00:00:00Z", 28, 7.0, 4.0, 100, 0.05)


def published(lists: dict[int, list[int]], now: datetime, version: str = OLD) -> pa.Table:
    movies = np.array(list(lists.values()), np.int32)
    return user_rows(
        TopN(np.array(list(lists), np.int32), movies, np.ones(movies.shape, np.float32)), version, Order(2, now)
    )


def test_the_first_publication_is_logged_whole() -> None:
    rows = exposures(published({1: [10, 11], 2: [20, 21]}, FIRST), NONE, RUNS)
    assert rows.to_pylist()[0] == {
        "experiment": RUNS.id,
        "user_id": 1,
        "variant": "champion",
        "model_version": OLD,
        "movies": [10, 11],
        "shown_ts": FIRST,
    }
    assert len(rows) == 2
    assert rows.schema.equals(NONE.schema)


def test_a_publication_that_is_logged_again_adds_nothing() -> None:
    lists = published({1: [10, 11], 2: [20, 21]}, FIRST)
    assert len(exposures(lists, exposures(lists, NONE, RUNS), RUNS)) == 0


def test_later_ones_add_the_lists_that_changed_and_those_of_who_is_new() -> None:
    before = exposures(published({1: [10, 11], 2: [20, 21]}, FIRST), NONE, RUNS)
    rows = exposures(published({1: [10, 11], 2: [21, 20], 3: [30, 31]}, SECOND), before, RUNS)
    assert rows["user_id"].to_pylist() == [2, 3]


def test_lists_of_neither_version_are_none_of_the_experiment() -> None:
    assert len(exposures(published({1: [10, 11]}, FIRST, OTHER), NONE, RUNS)) == 0

"""Histograms per user: exact counts, whatever the order and the partitioning, and the same on the engine."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.drift.histograms import (
    PREDICTIONS,
    RATINGS,
    Grid,
    HistogramError,
    UserHistogram,
    of_frame,
    of_values,
)

ROWS = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 10)), min_size=1, max_size=60)


def histogram(rows: list[tuple[int, int]]) -> UserHistogram:
    users, halves = np.array(rows, np.int64).reshape(-1, 2).T
    return of_values(RATINGS, users, halves / 2)


def same(one: UserHistogram, other: UserHistogram) -> bool:
    return np.array_equal(one.user_id, other.user_id) and np.array_equal(one.counts.toarray(), other.counts.toarray())


def test_a_rating_grid_has_the_ten_half_stars() -> None:
    assert RATINGS.centres.tolist() == [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]


def test_a_prediction_is_counted_at_the_nearest_hundredth() -> None:
    assert PREDICTIONS.centres[PREDICTIONS.nearest(np.array([0.5, 3.456, 3.454, 5.0]))].round(2).tolist() == [
        0.5,
        3.46,
        3.45,
        5.0,
    ]


def test_values_off_the_scale_count_at_its_ends() -> None:
    assert RATINGS.nearest(np.array([-3.0, 9.0])).tolist() == [0, 9]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_refused(value: float) -> None:
    with pytest.raises(HistogramError, match="not a number"):
        RATINGS.nearest(np.array([3.0, value]))


@given(ROWS)
@settings(max_examples=50)
def test_every_row_is_counted_once_for_its_user(rows: list[tuple[int, int]]) -> None:
    found = histogram(rows)
    assert found.rows == len(rows)
    assert found.users == len({user for user, _ in rows})
    for at, user in enumerate(found.user_id):
        expected = np.bincount([half - 1 for who, half in rows if who == user], minlength=10)
        assert np.array_equal(found.counts[at].toarray().ravel(), expected)


@given(ROWS, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_the_order_of_rows_does_not_matter(rows: list[tuple[int, int]], random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    assert same(histogram(shuffled), histogram(rows))


@given(ROWS, st.integers(0, 60))
@settings(max_examples=50)
def test_merged_histograms_of_parts_are_that_of_the_whole(rows: list[tuple[int, int]], cut: int) -> None:
    assert same(histogram(rows[:cut]).merge(histogram(rows[cut:])), histogram(rows))


@pytest.mark.both_engines
@pytest.mark.parametrize("grid", [RATINGS, PREDICTIONS])
def test_the_engine_counts_exactly_as_numpy(spark: Any, grid: Grid) -> None:
    rng = np.random.default_rng(0)
    halfway = (np.arange(0, 900) + 0.5) / 200  # where rounding could differ
    value = np.concatenate([rng.uniform(-1, 7, 2_000), halfway]).astype(np.float32)
    user_id = rng.integers(1, 40, len(value)).astype(np.int32)
    frame = spark.createDataFrame(pd.DataFrame({"user_id": user_id, "rating": value}))
    assert same(of_frame(grid, frame), of_values(grid, user_id, value))


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_the_engine_refuses_what_is_not_a_number(spark: Any, value: float | None) -> None:
    frame = spark.createDataFrame([(1, 3.0), (2, value)], "user_id int, rating double")
    with pytest.raises(HistogramError, match="rating"):
        of_frame(RATINGS, frame)

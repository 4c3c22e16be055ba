"""How much of a split that is to be one in time is decided by ties."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reco_assets.split.ties import MOST_DECIDED, Ties, ties_of_frame, ties_of_table
from reco_assets.vocabulary import TEST, TRAIN
from tests.split.worlds import frame_of, ratings

Sided = tuple[int, int, int, str]  # user, movie, second, side


def split(rows: Sequence[Sided]) -> pa.Table:
    side = pa.array([side for *_, side in rows], pa.string())
    return ratings([(user, movie, second) for user, movie, second, _ in rows]).append_column("side", side)


def test_a_cut_between_two_times_is_inside_no_tie() -> None:
    found = ties_of_table(split([(1, 1, 10, TRAIN), (1, 2, 10, TRAIN), (1, 3, 11, TEST)]), "per_user")
    assert found == Ties(cuts=1, inside=0, tested=1, decided=0)


def test_each_users_cut_is_looked_at_by_itself() -> None:
    rows = [
        (1, 1, 10, TRAIN),
        (1, 2, 10, TEST),
        (1, 3, 11, TEST),
        (2, 1, 11, TRAIN),
        (2, 2, 12, TEST),
        (3, 1, 9, TRAIN),
    ]
    assert ties_of_table(split(rows), "per_user") == Ties(cuts=2, inside=1, tested=3, decided=1)


def test_a_cut_through_all_users_is_one() -> None:
    rows = [(1, 1, 10, TRAIN), (2, 2, 10, TEST), (1, 3, 11, TEST)]
    assert ties_of_table(split(rows), "global") == Ties(cuts=1, inside=1, tested=2, decided=1)


@pytest.mark.parametrize("strategy", ["random", "as_delivered"])
def test_what_is_not_cut_in_time_has_no_ties(strategy: str) -> None:
    assert ties_of_table(split([(1, 1, 10, TRAIN), (1, 2, 10, TEST)]), strategy) == Ties()


def test_no_ratings_have_no_ties() -> None:
    assert ties_of_table(split([]), "per_user") == Ties()


def test_more_than_a_few_are_told_with_what_to_do() -> None:
    assert Ties(cuts=9, inside=9, tested=1000, decided=int(1000 * MOST_DECIDED)).few
    many = Ties(cuts=10, inside=4, tested=8, decided=2)
    assert not many.few
    assert many.text().startswith("4 of 10 cuts in time lie between ratings of one time")
    assert "25.0% of the test ratings" in many.text()
    assert "SPLIT_STRATEGY=random" in many.text()


ROW = st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(0, 2), st.sampled_from([TRAIN, TEST]))


@pytest.mark.both_engines
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, max_size=20), strategy=st.sampled_from(["per_user", "global", "random"]))
def test_frames_are_counted_as_tables_are(spark: Any, rows: list[Sided], strategy: str) -> None:
    assert ties_of_frame(frame_of(spark, split(rows)), strategy) == ties_of_table(split(rows), strategy)

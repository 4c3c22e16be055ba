"""Simulated files: whole users and sessions, and a tilt that shifts the mean as asked and nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.streaming.simulate import SimulationError, draw_rows, draw_users, half_stars, sessions, tilt

UNITS = st.lists(st.integers(0, 12), min_size=1, max_size=80).map(np.array)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def skewed(rows: int = 20_000) -> np.ndarray:
    """Ratings like MovieLens's: whole stars dominate."""
    shares = np.array([1, 3, 2, 8, 6, 20, 13, 26, 8, 13]) / 100
    return rng(1).choice(np.arange(1, 11) / 2, rows, p=shares).astype(np.float32)


def test_a_session_ends_after_thirty_quiet_minutes_or_with_the_user() -> None:
    user_id = np.array([1, 1, 1, 2])
    seconds = np.array([0, 1_800, 3_601, 3_601])
    assert sessions(user_id, seconds).tolist() == [0, 0, 1, 2]


@given(st.permutations(range(6)))
@settings(max_examples=20)
def test_sessions_do_not_depend_on_the_order_of_rows(order: list[int]) -> None:
    user_id, seconds = np.array([1, 1, 1, 2, 2, 2]), np.array([0, 60, 9_000, 0, 60, 9_000])
    found = sessions(user_id[order], seconds[order])
    assert found[np.argsort(order)].tolist() == [0, 0, 1, 2, 2, 3]


@given(UNITS, st.integers(1, 90), st.integers(0, 5))
@settings(max_examples=50)
def test_drawn_units_are_whole_and_not_too_many(unit: np.ndarray, rows: int, seed: int) -> None:
    drawn = draw_rows(unit, rows, rng(seed))
    assert len(drawn) <= 1.1 * rows
    for one in set(unit[drawn].tolist()):
        assert (unit[drawn] == one).sum() == (unit == one).sum()


def test_about_as_many_rows_are_drawn_as_asked() -> None:
    unit = np.repeat(np.arange(500), rng().integers(1, 40, 500))
    assert 900 <= len(draw_rows(unit, 1_000, rng(3))) <= 1_100


def test_all_rows_are_drawn_where_more_are_asked_for() -> None:
    assert draw_rows(np.array([1, 1, 2]), 1_000, rng()).tolist() == [0, 1, 2]


@given(st.integers(1, 30), st.integers(0, 5))
@settings(max_examples=30)
def test_as_many_users_are_drawn_as_asked_with_whole_units(users: int, seed: int) -> None:
    unit = np.repeat(np.arange(60), 3)
    user_id = unit // 3
    drawn = draw_users(unit, user_id, users, rng(seed))
    assert len(set(user_id[drawn].tolist())) == min(users, 20)
    assert len(drawn) == 3 * len(set(unit[drawn].tolist()))


def test_users_as_units_come_with_all_they_rated() -> None:
    user_id = np.repeat(np.arange(10), 7)
    assert len(draw_users(user_id, user_id, 4, rng())) == 28


@pytest.mark.parametrize("stars", [-1.0, -0.5, -0.25, 0.25])
def test_a_tilt_shifts_the_mean_by_what_was_asked(stars: float) -> None:
    rating = skewed()
    assert tilt(rating, stars, rng()).mean() - rating.mean() == pytest.approx(stars, abs=0.01)


def test_a_tilt_keeps_the_order_of_ratings() -> None:
    rating = skewed(2_000)
    tilted = tilt(rating, -0.5, rng())
    highest_before = np.array([tilted[rating == star].max() for star in np.unique(rating)])
    lowest_after = np.array([tilted[rating == star].min() for star in np.unique(rating)])
    assert (highest_before[:-1] <= lowest_after[1:]).all()


def test_a_tilt_is_exponential() -> None:
    rating = skewed(400_000)
    before, after = (np.bincount((r * 2).astype(int), minlength=11)[1:] for r in (rating, tilt(rating, -0.5, rng())))
    slopes = np.diff(np.log(after / before))
    assert slopes == pytest.approx(np.full(9, slopes.mean()), abs=0.05)


def test_a_tilt_of_nothing_changes_nothing() -> None:
    assert np.array_equal(tilt(skewed(100), 0.0, rng()), skewed(100))


def test_a_tilt_gives_half_stars_of_the_same_type() -> None:
    tilted = tilt(skewed(1_000), -0.7, rng())
    assert tilted.dtype == np.float32
    assert set(tilted.tolist()) <= set((np.arange(1, 11) / 2).tolist())


def test_no_ratings_stay_no_ratings() -> None:
    assert len(tilt(np.array([], np.float32), -0.5, rng())) == 0


def test_a_few_ratings_are_tilted_as_the_population_is() -> None:
    population = half_stars(skewed())
    few = np.full(5_000, 3.0, np.float32)
    assert tilt(few, -0.5, rng(), population).mean() < 2.9


def test_a_shift_beyond_the_scale_is_refused() -> None:
    with pytest.raises(SimulationError, match="choose a smaller shift"):
        tilt(skewed(100), -3.5, rng())

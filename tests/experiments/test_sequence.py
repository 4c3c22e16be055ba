"""The confidence sequence: how often it is wrong when looked at daily, and what it finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.experiments.sequence import confidence_sequence, difference, difference_sequence

RUNS, USERS, LOOKS, ALPHA = 400, 1_400, 28, 0.05


def simulated(share: float, champion: float, challenger: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends at 28 looks of many experiments, whose users like something listed with these chances."""
    rng = np.random.default_rng(17)
    drawn = rng.random((RUNS, USERS)) < share
    hits = (rng.random((RUNS, USERS)) < np.where(drawn, challenger, champion)).astype(float)
    low, high = difference_sequence(drawn, hits, share, ALPHA)
    looks = np.arange(1, LOOKS + 1) * USERS // LOOKS - 1
    return low[:, looks], high[:, looks]


@pytest.mark.parametrize(("share", "rate"), [(0.2, 0.1), (0.5, 0.3), (0.5, 0.9)])
def test_of_experiments_with_the_same_model_in_both_arms_no_more_than_alpha_ever_end_with_a_verdict(
    share: float, rate: float
) -> None:
    low, high = simulated(share, rate, rate)
    assert ((low > 0) | (high < 0)).any(axis=1).mean() <= ALPHA


@pytest.mark.parametrize("better", [0.0, 0.1, 0.2])
def test_the_difference_is_inside_at_all_looks_but_for_alpha(better: float) -> None:
    low, high = simulated(0.3, 0.2, 0.2 + better)
    assert ((low <= better) & (better <= high)).all(axis=1).mean() >= 1 - ALPHA


def test_a_better_challenger_is_found_and_a_worse_one_too() -> None:
    low, high = simulated(0.5, 0.1, 0.3)
    assert (low > 0).any(axis=1).mean() > 0.95
    assert not (high < 0).any()
    assert (simulated(0.5, 0.3, 0.1)[1] < 0).any(axis=1).mean() > 0.95


def test_users_who_come_back_less_often_count_against_their_arm() -> None:
    """The hits of those who came back are as many in both arms; but fewer of the challenger's users came back."""
    rng = np.random.default_rng(1)
    drawn = rng.random(20_000) < 0.5
    back = rng.random(20_000) < np.where(drawn, 0.4, 0.8)
    hits = (rng.random(20_000) < 0.5).astype(float)
    assert difference(drawn[back], hits[back], 0.5, ALPHA).high < 0


def test_before_the_first_user_anything_is_possible() -> None:
    found = difference(np.zeros(0, bool), np.zeros(0), 0.2, ALPHA)
    assert (found.low, found.high) == (-1.25, 5.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.01, 0.5))
@settings(max_examples=50, deadline=None)
def test_ends_only_come_nearer_and_what_comes_later_changes_none_of_before(values: list[float], alpha: float) -> None:
    low, high = confidence_sequence(np.array(values), alpha)
    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) <= 0).all()
    assert low[0] >= 0
    assert high[0] <= 1
    half = len(values) // 2 + 1
    first, last = confidence_sequence(np.array(values[:half]), alpha)
    np.testing.assert_array_equal((first, last), (low[:half], high[:half]))

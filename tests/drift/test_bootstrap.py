"""The bootstrap: what chance does is not drift, what it does not do is, and users, not rows, are what counts."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.drift import bootstrap
from reco_assets.drift.bootstrap import Resampling, Uncertainty, grouped, ratio_deviations, uncertainty
from reco_assets.drift.histograms import RATINGS, UserHistogram, of_values
from reco_assets.drift.scores import rating_scale
from resources.settings.drift import DriftSettings

Crowd = Callable[..., UserHistogram]
ROWS = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 10)), min_size=1, max_size=40)


def judged(reference: UserHistogram, current: UserHistogram, samples: int = 499) -> Uncertainty:
    found = uncertainty(reference, current, rating_scale(), DriftSettings(), Resampling(samples, 42, 0.01))
    assert found is not None
    return found


@given(ROWS, ROWS)
@settings(max_examples=40, deadline=None)
def test_a_p_value_is_above_zero_and_at_most_one(old: list[tuple[int, int]], new: list[tuple[int, int]]) -> None:
    sides = [of_values(RATINGS, *np.array([(user, half / 2) for user, half in rows]).T) for rows in (old, new)]
    found = uncertainty(*sides, rating_scale(), DriftSettings(), Resampling(199, 42, 0.01))
    if min(side.users for side in sides) < 2:
        assert found is None
    else:
        assert found is not None
        assert 0 < found.p_value <= 1
        assert 0 <= found.score_interval[0] <= found.score_interval[1]
        assert np.isfinite([*found.mean_shift_interval, found.kl_noise, found.smallest_detectable_shift]).all()


def test_a_single_user_cannot_be_told_from_drift(crowd: Crowd) -> None:
    assert uncertainty(crowd(50, 20), crowd(1, 500), rating_scale(), DriftSettings(), Resampling(199, 42, 0.01)) is None


def test_a_shift_of_a_star_by_many_users_is_no_chance(crowd: Crowd) -> None:
    found = judged(crowd(300, 50), crowd(50, 20, shift=-1.0, seed=1))
    assert found.p_value == 1 / 500
    assert -1.2 < found.mean_shift_interval[0] < found.mean_shift_interval[1] < -0.7


def test_without_drift_small_p_values_are_as_rare_as_they_say(crowd: Crowd) -> None:
    reference = crowd(300, 50)
    p_values = np.array([judged(reference, crowd(20, 10, seed=seed), 199).p_value for seed in range(1, 201)])
    assert (p_values <= 0.05).mean() < 0.1
    assert 0.3 < (p_values <= 0.5).mean() < 0.6


def test_rows_of_the_same_users_add_no_certainty(crowd: Crowd) -> None:
    reference = crowd(300, 50)
    few, many = (judged(reference, crowd(20, rows, seed=3)) for rows in (20, 2_000))
    assert many.smallest_detectable_shift > 0.7 * few.smallest_detectable_shift


def test_more_users_see_smaller_shifts(crowd: Crowd) -> None:
    reference = crowd(300, 50)
    seen = [judged(reference, crowd(users, 20, seed=4)).smallest_detectable_shift for users in (10, 40, 160)]
    assert seen[0] > 1.5 * seen[1] > 1.5 * 1.3 * seen[2]


def test_noise_alone_has_a_divergence_and_it_shrinks_with_users(crowd: Crowd) -> None:
    reference = crowd(300, 50)
    noise = [judged(reference, crowd(users, 20, seed=5)).kl_noise for users in (5, 100)]
    assert noise[0] > 0.02 > noise[1] > 0


def test_the_mean_shift_lies_in_its_interval_in_19_of_20_cases(crowd: Crowd) -> None:
    reference = crowd(300, 50)
    ends = [judged(reference, crowd(30, 10, -0.3, seed), 199).mean_shift_interval for seed in range(1, 101)]
    assert sum(low <= -0.3 <= high for low, high in ends) >= 88


def test_the_seed_decides_everything(crowd: Crowd) -> None:
    sides = crowd(100, 20), crowd(30, 10, seed=1)
    assert judged(*sides) == judged(*sides)


def test_many_users_are_resampled_in_groups_to_the_same_effect(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    sides = crowd(1_500, 20), crowd(400, 10, seed=2)
    exact = judged(*sides)
    monkeypatch.setattr(bootstrap, "MANY", 300)
    close = judged(*sides)
    assert close.smallest_detectable_shift == pytest.approx(exact.smallest_detectable_shift, rel=0.15)
    assert np.subtract(*close.mean_shift_interval) == pytest.approx(np.subtract(*exact.mean_shift_interval), rel=0.15)


def test_samples_drawn_in_portions_are_the_same(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    sides = crowd(100, 20), crowd(30, 10, seed=1)
    whole = judged(*sides)
    monkeypatch.setattr(bootstrap, "DRAWS_AT_ONCE", 700)
    assert judged(*sides) == whole


def test_groups_keep_every_row_and_users_whole(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    side = crowd(500, 7)
    monkeypatch.setattr(bootstrap, "MANY", 40)
    groups = grouped(side.user_id, side.counts)
    assert groups.sum(axis=0).tolist() == side.total.tolist()
    assert (groups.sum(axis=1) % 7 == 0).all()


def test_deviations_of_a_mean_have_the_textbook_spread() -> None:
    rng = np.random.default_rng(0)
    level = rng.normal(0, 1, 400)
    strayed = ratio_deviations(level[:, None], np.ones(400), 4_000, rng)
    assert strayed.std() == pytest.approx(level.std() / 20, rel=0.05)
    assert abs(strayed.mean()) < 0.005

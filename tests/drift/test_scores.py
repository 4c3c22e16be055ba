"""The score: the documented formula, its parts against numpy and scipy, and what must hold for any histograms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.drift.histograms import PREDICTIONS, RATINGS
from reco_assets.drift.scores import prediction_scale, rating_scale, score
from resources.settings.drift import DriftSettings

COUNTS = st.lists(st.integers(0, 10_000), min_size=10, max_size=10).filter(any).map(np.array)


def one_star(stars: float, rows: int) -> np.ndarray:
    counts = np.zeros(10, np.int64)
    counts[round(stars * 2) - 1] = rows
    return counts


def test_the_score_is_the_weighted_sum_of_ratios_to_the_thresholds() -> None:
    found = score(one_star(3, 1000) + one_star(4, 1000), one_star(4, 500), rating_scale(), DriftSettings())
    assert found.mean_shift == 0.5
    assert found.median_shift == 0.5
    assert found.score == pytest.approx(0.5 * found.kl / 0.1 + 0.3 * 0.5 / 0.2 + 0.2 * 0.5 / 0.5)


def test_a_shift_by_every_threshold_at_once_scores_one() -> None:
    weights = DriftSettings(kl_threshold=1.0, mean_threshold=1.0, median_threshold=1.0)
    found = score(one_star(3, 100), one_star(4, 100), rating_scale(), weights)
    same_kl = DriftSettings(kl_threshold=float(found.kl), mean_threshold=1.0, median_threshold=1.0)
    assert score(one_star(3, 100), one_star(4, 100), rating_scale(), same_kl).score == pytest.approx(1.0)


@given(COUNTS)
@settings(max_examples=50)
def test_identical_histograms_score_zero(counts: np.ndarray) -> None:
    found = score(counts, counts, rating_scale(), DriftSettings())
    assert (found.kl, found.mean_shift, found.median_shift, found.score) == (0, 0, 0, 0)


@given(COUNTS, COUNTS)
@settings(max_examples=50)
def test_any_two_histograms_have_a_finite_score_of_at_least_zero(reference: np.ndarray, current: np.ndarray) -> None:
    found = score(reference, current, rating_scale(), DriftSettings())
    assert np.isfinite([found.kl, found.mean_shift, found.median_shift, found.score]).all()
    assert found.score >= 0
    assert found.kl >= 0


def test_disjoint_supports_have_a_finite_score_far_above_the_threshold() -> None:
    assert 10 < score(one_star(0.5, 20_000_000), one_star(5, 1), rating_scale(), DriftSettings()).score < 100


@given(st.lists(st.integers(1, 10), min_size=1, max_size=40), st.lists(st.integers(1, 10), min_size=1, max_size=40))
@settings(max_examples=50)
def test_mean_and_median_are_those_of_numpy(old: list[int], new: list[int]) -> None:
    histograms = [np.bincount(np.array(halves) - 1, minlength=10) for halves in (old, new)]
    found = score(*histograms, rating_scale(), DriftSettings())
    stars = np.array(old) / 2, np.array(new) / 2
    assert found.mean_shift == pytest.approx(stars[1].mean() - stars[0].mean(), abs=1e-9)
    assert found.median_shift == np.median(stars[1]) - np.median(stars[0])


@given(st.lists(COUNTS, min_size=2, max_size=5))
@settings(max_examples=25)
def test_many_histograms_score_in_one_call_as_each_does_alone(counts: list[np.ndarray]) -> None:
    together = score(counts[0], np.stack(counts), rating_scale(), DriftSettings())
    alone = [score(counts[0], one, rating_scale(), DriftSettings()).score for one in counts]
    assert together.score.tolist() == alone


def test_prediction_bins_are_the_deciles_of_the_reference() -> None:
    reference = np.bincount(PREDICTIONS.nearest(np.random.default_rng(0).normal(3.5, 0.5, 100_000)), minlength=451)
    scale = prediction_scale(reference)
    assert (scale.binned(reference) / reference.sum()).round(2).tolist() == [0.1] * 10


def test_a_reference_of_one_prediction_has_bins_all_the_same() -> None:
    reference = np.bincount(PREDICTIONS.nearest(np.full(50, 3.5)), minlength=451)
    scale = prediction_scale(reference)
    assert scale.binned(reference).sum() == 50
    assert score(reference, reference, scale, DriftSettings()).score == 0


def test_a_prediction_in_the_last_hundredth_has_a_bin() -> None:
    reference = np.bincount([450] * 20, minlength=451)
    assert prediction_scale(reference).binned(reference).sum() == 20


def test_rating_bins_are_named_by_their_stars() -> None:
    assert rating_scale().labels == [f"{stars:g}" for stars in RATINGS.centres]

"""Vectors as features let expect them: what a weighted ridge regression, solved in another way, comes to."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.models.als.prior import PENALTIES, fit_prior


def made(seed: int, movies: int = 60, features: int = 5, width: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = (rng.random((movies, features)) < 0.4).astype(np.float32)
    y = x @ rng.normal(size=(features, width)) + 0.1 * rng.normal(size=(movies, width))
    return x, y.astype(np.float32), rng.integers(1, 50, movies).astype(np.float64)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_each_column_is_a_weighted_ridge_solution_by_the_penalty_that_leaves_one_out_best(seed: int) -> None:
    """Generalised cross-validation, by the hat matrix itself."""
    x, y, weights = made(seed)
    found = fit_prior(x, y, weights).vectors(x)
    share = weights / weights.mean()
    design = np.sqrt(share)[:, None] * (x - np.average(x, axis=0, weights=weights))
    for column in range(y.shape[1]):
        centre = np.average(y[:, column], weights=weights)
        target = np.sqrt(share) * (y[:, column] - centre)
        tried = {}
        for penalty in PENALTIES:
            hat = design @ np.linalg.solve(design.T @ design + penalty * np.eye(x.shape[1]), design.T)
            error = ((target - hat @ target) ** 2).sum() / (len(x) - 1 - np.trace(hat)) ** 2
            tried[error] = centre + (hat @ target) / np.sqrt(share)
        np.testing.assert_allclose(found[:, column], tried[min(tried)], atol=2e-3)


def test_what_features_say_nothing_of_is_expected_to_be_the_weighted_mean() -> None:
    _, y, weights = made(1)
    same = np.ones((len(y), 2), np.float32)
    expected = np.average(y, axis=0, weights=weights)
    np.testing.assert_allclose(fit_prior(same, y, weights).vectors(same[:3]), np.tile(expected, (3, 1)), rtol=1e-5)
    assert fit_prior(np.zeros((len(y), 0), np.float32), y, weights).vectors(np.zeros((2, 0))).shape == (2, 3)

"""EASE as a product of factors, beside its closed form on matrices small enough to invert by hand."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.models.als.config import EaseConfig
from reco_assets.models.als.ease import LEAST_LIKES, fit_ease


def likes_of(seed: int, users: int = 60, movies: int = 12, share: float = 0.4) -> sp.csr_matrix:
    return sp.csr_matrix((np.random.default_rng(seed).random((users, movies)) < share).astype(np.float32))


def closed_form(likes: sp.csr_matrix, reg_param: float) -> np.ndarray:
    """Steck (2019), algorithm 1, as it is printed there."""
    together = (likes.T @ likes).toarray().astype(np.float64) + reg_param * np.eye(likes.shape[1])
    inverse = np.linalg.inv(together)
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    found: np.ndarray = weights
    return found


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), reg_param=st.floats(1.0, 500.0))
def test_at_nearly_full_rank_its_factors_are_the_weights_of_the_closed_form(seed: int, reg_param: float) -> None:
    likes = likes_of(seed)
    ease, weights = fit_ease(likes, EaseConfig(reg_param, rank=11)), closed_form(likes, reg_param)
    left_out = np.linalg.svd(weights, compute_uv=False)[-1]  # of 12 the solver finds 11
    assert np.abs(ease.adds @ ease.items.T - weights).max() <= left_out + 1e-4


def test_at_a_low_rank_they_are_the_weights_nearest_product() -> None:
    likes = likes_of(1)
    ease = fit_ease(likes, EaseConfig(5.0, rank=4))
    off = np.linalg.norm(ease.adds @ ease.items.T - closed_form(likes, 5.0))
    best = np.sqrt((np.linalg.svd(closed_form(likes, 5.0), compute_uv=False)[4:] ** 2).sum())
    assert off == pytest.approx(best, rel=1e-4)


def likes_of_groups() -> sp.csr_matrix:
    """24 users and 40 movies in four groups without a like across: the solver starts again, as it finds each alone."""
    rng = np.random.default_rng(0)
    rows = [(user, 10 * (user % 4) + movie) for user in range(24) for movie in rng.permutation(10)[:8]]
    return sp.csr_matrix((np.ones(len(rows), np.float32), np.transpose(rows)))


@pytest.mark.parametrize("likes", [likes_of(2), likes_of_groups()])
def test_the_same_likes_give_the_same_bits(likes: sp.csr_matrix) -> None:
    one, other = (fit_ease(likes, EaseConfig(200.0, rank=likes.shape[1] // 2)) for _ in range(2))
    np.testing.assert_array_equal(one.adds, other.adds)
    np.testing.assert_array_equal(one.items, other.items)


def test_a_movie_with_fewer_likes_than_it_learns_from_has_zeros() -> None:
    dense = likes_of(3).toarray()
    dense[:, 5] = 0
    dense[: LEAST_LIKES - 1, 5] = 1
    ease = fit_ease(sp.csr_matrix(dense), EaseConfig(5.0, rank=4))
    assert not ease.adds[5].any()
    assert not ease.items[5].any()


def test_of_a_large_catalogue_it_knows_the_most_liked_movies() -> None:
    dense = likes_of(4).toarray()
    dense[:, [0, 2, 4, 6, 8]] = 1
    ease = fit_ease(sp.csr_matrix(dense), EaseConfig(5.0, rank=3, max_movies=5))
    assert np.flatnonzero(ease.items.any(axis=1)).tolist() == [0, 2, 4, 6, 8]


@pytest.mark.parametrize("likes", [sp.csr_matrix((4, 3), dtype=np.float32), likes_of(5, users=6, movies=2, share=1.0)])
def test_of_too_little_it_knows_next_to_nothing_and_does_not_fail(likes: sp.csr_matrix) -> None:
    ease = fit_ease(likes, EaseConfig(5.0, rank=4))
    assert ease.adds.shape == ease.items.shape == (likes.shape[1], 1)

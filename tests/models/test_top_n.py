"""Top-N is what sorting all scores would give, seen items left out."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.models import top_n as module
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED, Side, best_movies, top_n


def factors(seed: int, users: int, items: int, rank: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(users, rank)).astype(np.float32), rng.normal(size=(items, rank)).astype(np.float32)


def naive(users: np.ndarray, items: np.ndarray, n: int, seen: np.ndarray) -> list[list[int]]:
    scores = np.where(seen, -np.inf, users.astype(np.float64) @ items.T)
    return [[item for item in np.argsort(-row)[:n] if row[item] > -np.inf] for row in scores]


def assert_same(users: np.ndarray, items: np.ndarray, n: int, seen: np.ndarray, masked: sp.csr_matrix | None) -> None:
    """Equal up to ties: the scores at each rank are the naive ones, and belong to the item named."""
    found, scores = top_n(users, items, n, masked)
    exact = users.astype(np.float64) @ items.T
    for user, expected in enumerate(naive(users, items, n, seen)):
        kept = found[user][found[user] != MASKED]
        assert len(kept) == len(set(kept)) == len(expected)
        assert not seen[user, kept].any()
        np.testing.assert_allclose(scores[user, : len(kept)], exact[user, kept], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(scores[user, : len(kept)], exact[user, expected], rtol=1e-4, atol=1e-5)
        assert (found[user, len(kept) :] == MASKED).all()
        assert (scores[user, len(kept) :] == 0).all()


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    users=st.integers(0, 8),
    items=st.integers(1, 12),
    n=st.integers(1, 15),
    hidden=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    spread=st.sampled_from([None, 0.0, 1.0, 4.0]),
)
def test_top_n_is_what_sorting_all_scores_gives(
    *, seed: int, users: int, items: int, n: int, hidden: float, spread: float | None
) -> None:
    user_factors, item_factors = factors(seed, users, items)
    rng = np.random.default_rng(seed)
    if spread is None:
        item_factors /= np.linalg.norm(item_factors, axis=1, keepdims=True)  # of equal length none ends the search
    else:
        item_factors *= np.exp(spread * rng.normal(size=(items, 1))).astype(np.float32)  # long ones end it early
    seen = rng.random((users, items)) < hidden
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "USERS_PER_BLOCK", 3)
        patch.setattr(module, "ITEMS_PER_BLOCK", 2)
        assert_same(user_factors, item_factors, n, seen, sp.csr_matrix(seen.astype(np.float32)))


def test_without_seen_items_the_whole_catalogue_is_ranked() -> None:
    user_factors, item_factors = factors(1, 5, 6)
    assert_same(user_factors, item_factors, 6, np.zeros((5, 6), bool), None)


def test_a_list_may_be_longer_than_a_block_of_items() -> None:
    user_factors, item_factors = factors(2, 3, module.ITEMS_PER_BLOCK + 100)
    assert_same(user_factors, item_factors, module.ITEMS_PER_BLOCK + 50, np.zeros((3, len(item_factors)), bool), None)


def test_of_equal_scores_in_a_list_the_later_position_comes_first() -> None:
    found, _ = top_n(np.ones((1, 1), np.float32), np.array([[1], [2], [1], [1]], np.float32), 4)
    assert found.tolist() == [[1, 3, 2, 0]]


def test_where_fewer_than_n_are_left_the_list_ends_early() -> None:
    users, items = np.ones((1, 1), np.float32), np.array([[1], [2], [3]], np.float32)
    found, scores = top_n(users, items, 5, sp.csr_matrix(np.array([[0, 0, 1]], np.float32)))
    assert found.tolist() == [[1, 0, MASKED, MASKED, MASKED]]
    assert scores.tolist() == [[2, 1, 0, 0, 0]]


def test_negative_scores_are_recommended_all_the_same() -> None:
    found, scores = top_n(np.ones((1, 1), np.float32), np.array([[-1], [-9]], np.float32), 2)
    assert found.tolist() == [[0, 1]]
    assert scores.tolist() == [[-1, -9]]


def test_positions_are_int32_and_scores_float32() -> None:
    found, scores = top_n(*factors(3, 2, 3), 2)
    assert (found.dtype, scores.dtype) == (np.int32, np.float32)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), items=st.integers(1, 12), n=st.integers(1, 15), hidden=st.floats(0, 1))
def test_a_user_who_is_asked_for_alone_gets_the_list_that_all_users_together_get(
    seed: int, items: int, n: int, hidden: float
) -> None:
    user_factors, item_factors = factors(seed, 4, items)
    rated = np.nonzero(np.random.default_rng(seed).random((4, items)) < hidden)
    seen = Ratings(*(side.astype(np.int32) for side in rated), np.ones(len(rated[0]), np.float32))
    users, movies = np.arange(4, dtype=np.int32), np.arange(items, dtype=np.int32)
    together = best_movies(Side(users, user_factors), Side(movies, item_factors), n, seen)
    for user in users:
        alone = best_movies(Side(users[[user]], user_factors[[user]]), Side(movies, item_factors), n, seen)
        np.testing.assert_array_equal(alone.movie_id[0], together.movie_id[user])
        np.testing.assert_allclose(alone.score[0], together.score[user], rtol=1e-5, atol=1e-6)

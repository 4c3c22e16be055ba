"""Top-N by blocked products over the item factors, seen items masked: `implicit`'s kernel.

162,541 users x 59,047 movies at rank 50 on 2 cores: this kernel 19.6 s, numpy product + argpartition 48 s,
MLlib's recommendForAllUsers about 355 s.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from reco_assets.models.interface import TopN
from reco_assets.models.ratings import Ratings, known_positions, rating_matrix

MASKED = -1
USERS_PER_BLOCK = 20_000


@dataclass(frozen=True)
class Side:
    """Users or movies with what they are multiplied by: ids (s,), factors (s, rank) float32."""

    ids: np.ndarray
    factors: np.ndarray


def best_movies(users: Side, movies: Side, n: int, seen: Ratings | None = None) -> TopN:
    """Best n movies per user by the product of both sides' factors.

    Args:
        users: Whose lists these are, in any order; a user may stand there twice.
        movies: What can be listed, sorted by id.
        n: How long a list is at most.
        seen: Ratings of any users; a user's own are left out of the user's list.
    """
    chosen, scores = top_n(users.factors, movies.factors, n, _seen_matrix(users.ids, movies.ids, seen))
    return TopN(users.ids, movies_at(movies.ids, chosen), scores)


def nothing_alike(movie_ids: np.ndarray, movie_id: np.ndarray, n: int) -> TopN:
    """Empty lists of n, for a model that knows no likeness. Raises `KeyError` on a movie that is not listed."""
    known_positions(movie_ids, movie_id)
    shape = (len(movie_id), n)
    return TopN(movie_id, np.full(shape, MASKED, np.int32), np.zeros(shape, np.float32))


def movies_at(movie_ids: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The movies at these positions, `MASKED` where a list ends early."""
    return np.where(chosen == MASKED, MASKED, movie_ids[chosen]).astype(np.int32)


def top_n(
    user_factors: np.ndarray, item_factors: np.ndarray, n: int, seen: sp.csr_matrix | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Best n items per user, best first: positions (users, n) int32 and scores (users, n) float32.

    `seen` (users, items) marks what to leave out. Where fewer than n remain, positions are `MASKED`, scores 0.
    """
    items = len(item_factors)
    width = min(n, items)
    chosen = np.full((len(user_factors), n), MASKED, np.int32)
    scores = np.zeros((len(user_factors), n), np.float32)
    for start in range(0, len(user_factors), USERS_PER_BLOCK):
        block = slice(start, start + USERS_PER_BLOCK)
        hidden = None if seen is None else seen[block]
        chosen[block, :width], scores[block, :width] = _top_n_block(user_factors[block], item_factors, width, hidden)
    return chosen, scores


def _top_n_block(
    users: np.ndarray, items: np.ndarray, n: int, seen: sp.csr_matrix | None
) -> tuple[np.ndarray, np.ndarray]:
    from implicit.cpu.topk import topk
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):  # the kernel brings its own threads
        found, scores = topk(items, users, n, filter_query_items=seen)
    masked = scores <= np.finfo(np.float32).min
    return np.where(masked, MASKED, found), np.where(masked, 0.0, scores)


def _seen_matrix(user_id: np.ndarray, movie_ids: np.ndarray, seen: Ratings | None) -> sp.csr_matrix | None:
    if seen is None:
        return None
    users, rows = np.unique(user_id, return_inverse=True)
    matrix = rating_matrix(seen, users, movie_ids)
    return matrix if np.array_equal(users, user_id) else matrix[rows]

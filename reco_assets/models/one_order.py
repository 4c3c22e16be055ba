"""Lists where all users have the same order of items: each user's is a walk down it that steps over what was seen."""

import numpy as np
import scipy.sparse as sp

from reco_assets.models.interface import TopN
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED, empty_lists, movies_at, one_list

USERS_PER_BLOCK = 20_000


def lists_in_order(
    user_id: np.ndarray, movie_ids: np.ndarray, scores: np.ndarray, n: int, seen: Ratings | None = None
) -> TopN:
    """The n best movies by the same scores (movies,) for every user, but for those that the user has seen.

    A movie with -inf is not listed.
    """
    if len(user_id) == 1:
        return one_list(user_id, movie_ids, scores.copy(), n, seen)
    if (barred := np.isneginf(scores)).any():
        movie_ids, scores = movie_ids[~barred], scores[~barred]
    if len(movie_ids) == 0:
        return empty_lists(user_id, n)
    hidden = sp.csr_matrix((len(user_id), len(movie_ids))) if seen is None else seen.stars.of(user_id, movie_ids)
    chosen = first_unseen(scores, n, hidden)
    return TopN(user_id, movies_at(movie_ids, chosen), np.where(chosen == MASKED, 0, scores[chosen]).astype(np.float32))


def first_unseen(scores: np.ndarray, n: int, seen: sp.csr_matrix) -> np.ndarray:
    """The n best items of each user by the same scores (items,), best first, of equal ones the later position first.

    Args:
        scores: What orders the items.
        n: How long a list is at most.
        seen: (users, items), what is left out; 14 M entries take 0.4 s of one core.

    Returns:
        Positions (users, n) int32, `MASKED` where a list ends early.
    """
    order = np.lexsort((-np.arange(len(scores)), -scores))
    chosen = np.full((seen.shape[0], n), MASKED, np.int32)
    for start in range(0, seen.shape[0], USERS_PER_BLOCK):
        block = slice(start, start + USERS_PER_BLOCK)
        chosen[block] = _walk(order, n, seen[block])
    return chosen


def _walk(order: np.ndarray, n: int, seen: sp.csr_matrix) -> np.ndarray:
    users, items = seen.shape
    steps = sp.csr_matrix((seen.data, np.argsort(order)[seen.indices], seen.indptr), seen.shape)
    steps = steps.tocsc().tocsr()  # so that places ascend in each row, in time linear in the entries
    user = np.repeat(np.arange(users), np.diff(steps.indptr))
    unseen_before = steps.indices - (np.arange(steps.nnz) - steps.indptr[user])
    early = unseen_before < n
    stepped_over = np.bincount(user[early] * n + unseen_before[early], minlength=users * n).reshape(users, n)
    places = np.arange(n) + np.cumsum(stepped_over, axis=1)
    return np.where(places < items, order[np.minimum(places, items - 1)], MASKED)

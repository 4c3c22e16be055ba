"""Lists where all users have the same order of items: each user's is a walk down it that steps over what was seen."""

import numpy as np
import scipy.sparse as sp

from reco_assets.models.interface import TopN
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED, movies_at

USERS_PER_BLOCK = 20_000


def lists_in_order(
    user_id: np.ndarray, movie_ids: np.ndarray, scores: np.ndarray, n: int, seen: Ratings | None = None
) -> TopN:
    """The n best movies by the same scores (movies,) for every user, but for those that the user has seen."""
    hidden = sp.csr_matrix((len(user_id), len(movie_ids))) if seen is None else seen.stars.of(user_id, movie_ids)
    chosen = first_unseen(scores, n, hidden)
    return TopN(user_id, movies_at(movie_ids, chosen), np.where(chosen == MASKED, 0, scores[chosen]).astype(np.float32))


def first_unseen(scores: np.ndarray, n: int, seen: sp.csr_matrix) -> np.ndarray:
    """The n best items of each user by the same scores (items,), best first, of equal ones the later position first.

    Where equal ones don't all have room, those stay that are among the first n, by position, of all that score as much
    or more: so `implicit`'s kernel chose, and figures stay comparable.

    Args:
        scores: What orders the items.
        n: How long a list is at most.
        seen: (users, items), what is left out; 14 M entries take 0.6 s of one core.

    Returns:
        Positions (users, n) int32, `MASKED` where a list ends early.
    """
    order = np.lexsort((-np.arange(len(scores)), -scores))
    chosen = np.full((seen.shape[0], n), MASKED, np.int32)
    for start in range(0, seen.shape[0], USERS_PER_BLOCK):
        block = slice(start, start + USERS_PER_BLOCK)
        chosen[block] = _walk(scores, order, n, seen[block])
    return chosen


def _walk(scores: np.ndarray, order: np.ndarray, n: int, seen: sp.csr_matrix) -> np.ndarray:
    users, items = seen.shape
    steps = sp.csr_matrix((seen.data, np.argsort(order)[seen.indices], seen.indptr), seen.shape)
    steps = steps.tocsc().tocsr()  # so that places ascend in each row, in time linear in the entries
    user = np.repeat(np.arange(users), np.diff(steps.indptr))
    unseen_before = steps.indices - (np.arange(steps.nnz) - steps.indptr[user])
    early = unseen_before < n
    stepped_over = np.bincount(user[early] * n + unseen_before[early], minlength=users * n).reshape(users, n)
    places = np.arange(n) + np.cumsum(stepped_over, axis=1)
    chosen = np.where(places < items, order[np.minimum(places, items - 1)], MASKED)
    last = np.minimum(places[:, -1], items - 1)
    equal_until = np.searchsorted(-scores[order], -scores[order], side="right")[last]
    for row in np.flatnonzero((places[:, -1] < items) & (equal_until > last + 1)):
        own = steps.indices[slice(*steps.indptr[row : row + 2])]
        unseen = np.delete(np.arange(equal_until[row]), own[own < equal_until[row]])
        chosen[row] = _with_room_for(n, scores, np.sort(order[unseen]))
    return chosen


def _with_room_for(n: int, scores: np.ndarray, items: np.ndarray) -> np.ndarray:
    """n of these positions, which ascend; the worst of their scores may be that of several."""
    better = items[scores[items] > scores[items].min()]
    equal = np.setdiff1d(items[:n], better)
    kept = np.concatenate([better, equal[len(better) + len(equal) - n :]])
    best_first: np.ndarray = kept[np.lexsort((-kept, -scores[kept]))]
    return best_first

"""Places of a list for movies that nobody rated. Pure."""

from dataclasses import dataclass

import numpy as np

from reco_assets.models.interface import TopN
from reco_assets.models.top_n import MASKED


@dataclass(frozen=True)
class Grouped:
    """Lists (u, m), and which groups that may be full each of their movies is in, (u, m, g) bool."""

    lists: TopN
    groups: np.ndarray


def placed(others: Grouped, new: Grouped, n: int, places: int, most: np.ndarray) -> TopN:
    """Lists of n in which the best new movies have up to so many places, and the best others have the rest.

    What would be one movie too many of its group is left out, of either kind; new movies come first. The others stay in
    their order, and a new movie stands before the first with a lower score.

    Args:
        others: The other movies that may be listed, in the order of their list.
        new: The new movies that may come in, the best first.
        n: How long a list is at most.
        places: How many new movies a list has at most.
        most: How many movies of each group a list has at most, (g,).
    """
    counts = np.zeros((len(others.lists.user_id), len(most)), np.int64)
    added = _chosen(new, np.full(len(counts), places), counts, most)
    kept = _chosen(others, n - added.sum(axis=1), counts, most)
    return _merged(others.lists, kept, new.lists, added, n)


def _chosen(grouped: Grouped, room: np.ndarray, counts: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Which movies of each list come in, (u, m) bool: the first that fit, and no more than there is room for, (u,).

    `counts` (u, g) are how many movies of each group there are already; these are added.
    """
    chosen: np.ndarray = grouped.lists.movie_id != MASKED
    for at in range(chosen.shape[1]):
        full = (grouped.groups[:, at] & (counts >= most)).any(axis=1)
        chosen[:, at] &= ~full & (room > chosen[:, :at].sum(axis=1))
        counts += grouped.groups[:, at] & chosen[:, at : at + 1]
    return chosen


def _merged(others: TopN, kept: np.ndarray, new: TopN, added: np.ndarray, n: int) -> TopN:
    movies = np.hstack([np.where(kept, others.movie_id, MASKED), np.where(added, new.movie_id, MASKED)])
    scores = np.hstack([np.where(kept, others.score, 0), np.where(added, new.score, 0)]).astype(np.float32)
    # Where others are ordered by more than their scores, no new movie comes before one that it isn't above.
    falling = np.minimum.accumulate(np.where(kept, others.score, np.inf), axis=1)
    rank_by = np.hstack([np.where(kept, falling, -np.inf), np.where(added, new.score, -np.inf)])
    best = np.argsort(-rank_by, axis=1, kind="stable")[:, :n]
    return TopN(others.user_id, *(np.take_along_axis(each, best, axis=1) for each in (movies, scores)))

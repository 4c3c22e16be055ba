"""Lists whose movies depend on those above them: a greedy choice among candidates. Pure.

Each place takes the best of what is left by maximal marginal relevance (Carbonell & Goldstein 1998, section 2):
λ relevance - (1 - λ) of its greatest likeness to a movie above it. Movies of which a list has its fill are stepped
over.
"""

from dataclasses import dataclass

import numpy as np

from reco_assets.models.interface import TopN
from reco_assets.models.top_n import MASKED, empty_lists
from reco_assets.rules.editing import Caps, packed


@dataclass(frozen=True)
class Wanted:
    """What a list is to be: its caps, 1 - λ, and vectors of length 1 (movies, d), which only matter where λ < 1."""

    caps: Caps
    diversity: float = 0.0
    directions: np.ndarray | None = None


def reranked(candidates: TopN, at: np.ndarray, n: int, wanted: Wanted) -> TopN:
    """The lists of n movies that are chosen from candidates; scores stay what they were.

    Args:
        candidates: The best movies of u users by their scores, (u, p), best first.
        at: Their positions among all movies, (u, p); anything where a list ends early.
        n: How long a list is at most.
        wanted: What they are to be.
    """
    lists, rows = empty_lists(candidates.user_id, n), np.arange(len(at))
    left = candidates.movie_id != MASKED
    relevance, likeness = _relevance(candidates.score), np.zeros(at.shape, np.float32)
    counts = np.zeros((len(at), len(wanted.caps.most)), np.int64)
    words = [word[at] for word in wanted.caps.words]
    vectors = wanted.directions[at] if wanted.diversity and wanted.directions is not None else None
    for place in range(min(n, at.shape[1])):
        value = np.where(left, (1 - wanted.diversity) * relevance - wanted.diversity * likeness, -np.inf)
        best = value.argmax(axis=1)  # of equal ones the first, so without diversity the order stays
        found = left[rows, best]
        lists.movie_id[found, place] = candidates.movie_id[rows, best][found]
        lists.score[found, place] = candidates.score[rows, best][found]
        left[rows, best] = False
        if wanted.caps:
            counts += wanted.caps.groups[at[rows, best]] & found[:, None]
            for word, full in zip(words, packed(counts >= wanted.caps.most), strict=True):
                left &= (word & full[:, None]) == 0
        if vectors is not None:
            cosines = np.einsum("upd,ud->up", vectors, vectors[rows, best])
            likeness = cosines if place == 0 else np.maximum(likeness, cosines)
    return lists


def could_be_longer(lists: TopN, at: np.ndarray, listable: np.ndarray, caps: Caps) -> np.ndarray:
    """Which lists (u,) end early and might take another of the movies that can be listed, (movies,) bool.

    `at` are the positions of the lists' movies, (u, n), anything where they end.
    """
    short: np.ndarray = lists.movie_id[:, -1] == MASKED
    if not caps or not short.any():
        return short
    counts = (caps.groups[at[short]] & (lists.movie_id[short] != MASKED)[..., None]).sum(axis=1)
    full = (counts >= caps.most).astype(np.float32)
    closed = full @ caps.groups[listable].T.astype(np.float32) > 0
    short[short] = ~closed.all(axis=1)
    return short


def _relevance(scores: np.ndarray) -> np.ndarray:
    """Scores (u, p), best first, as shares of each user's best, so that λ weighs alike for all.

    Where the best isn't above 0, there is nothing to have a share of, and the distance from it stands.
    """
    best = scores[:, :1]
    relevance: np.ndarray = np.where(best > 0, scores / np.where(best > 0, best, 1), scores - best)
    return relevance

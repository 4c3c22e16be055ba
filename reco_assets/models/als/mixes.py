"""The lists that many mixes of the same models make: each model is asked once, and a mix is a sum of answers. Pure.

Twenty mixes for the 585 judged users and 6,800 movies of a slice of ml-latest-small take 0.2 s of processor; as a
product of the whole width for each of them 0.4 s.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from reco_assets.models.als.config import Mix
from reco_assets.models.als.ranking import RankingItems
from reco_assets.models.interface import TopN
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED, Side, movies_at
from resources.cores import usable_cores

USERS_AT_ONCE = 64  # their scores, 2.5 MB for 10,000 movies, stay in a core's cache


@dataclass(frozen=True)
class Movies:
    """Sorted movies, and their side, made for a mix of all models with weights 1."""

    ids: np.ndarray
    items: RankingItems


def lists_by_mix(users: Side, movies: Movies, mixes: Sequence[Mix], seen: Ratings, n: int) -> dict[Mix, TopN]:
    """The best n movies of each user by each mix, but for those that the user has rated.

    Args:
        users: Whose lists these are, with vectors as of `fit_ranking`, all weights 1.
        movies: What can be listed.
        mixes: The weights of each mix; those of the same models stand together.
        seen: Ratings of any users.
        n: How long a list is at most; shorter where there are fewer movies.
    """
    from threadpoolctl import threadpool_limits

    hidden = seen.stars.of(users.ids, movies.ids)
    shape = (len(mixes), len(users.ids), min(n, len(movies.ids)))
    chosen, scores = np.full(shape, MASKED), np.zeros(shape, np.float32)

    def fill(start: int) -> None:
        block = slice(start, start + USERS_AT_ONCE)
        als, ease, popular = _told(users.factors[block], movies.items)
        for at, mix in enumerate(mixes):
            if at == 0 or (mix.als, mix.ease) != (mixes[at - 1].als, mixes[at - 1].ease):
                before = mix.als * als + mix.ease * ease
                _hide(before, hidden[block])
            _best(before + mix.popularity * popular, chosen[at, block], scores[at, block])

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(usable_cores()) as pool:
        for _ in pool.map(fill, range(0, len(users.ids), USERS_AT_ONCE)):
            pass
    return {mix: TopN(users.ids, movies_at(movies.ids, chosen[at]), scores[at]) for at, mix in enumerate(mixes)}


def _told(users: np.ndarray, items: RankingItems) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What ALS, EASE and popularity say of all movies to some users, (users, movies) each; zeros of one that is out."""
    parts = np.split(users, np.cumsum([items.als.shape[1], items.ease.shape[1]]), axis=1)
    popularity = items.vectors[:, users.shape[1] - parts[2].shape[1] :]
    als, ease, popular = (part @ side.T for part, side in zip(parts, (items.als, items.ease, popularity), strict=True))
    return als, ease, popular


def _hide(scores: np.ndarray, hidden: sp.csr_matrix) -> None:
    scores[np.repeat(np.arange(len(scores)), np.diff(hidden.indptr)), hidden.indices] = -np.inf


def _best(scores: np.ndarray, chosen: np.ndarray, best: np.ndarray) -> None:
    """Put the best of scores (users, movies) into two arrays (users, n), best first, of equal ones the later position.

    One pass that only compares finds the few that are candidates: half the time of `argpartition`.
    """
    n = chosen.shape[1]
    least = np.partition(scores, -n, axis=1)[:, -n, None]
    row, column = np.divmod(np.flatnonzero((scores >= least) & (scores > -np.inf)), scores.shape[1])
    found = scores[row, column]
    order = np.lexsort((-column, -found, row))
    place = np.arange(len(row)) - np.searchsorted(row, row)
    order, row, place = (values[place < n] for values in (order, row, place))
    chosen[row, place], best[row, place] = column[order], found[order]

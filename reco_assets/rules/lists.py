"""Lists of any model that keep rules and settings: what everything that shows lists asks in the model's place. Pure.

A movie that is hidden, or was rated too seldom, is masked in the model's own choice of the best. Movies whose scores
are multiplied alike are ordered by the model, each such part by itself, and the parts are put together: exactly what
all scores would give. Where a movie's place depends on those above it, lists are chosen from the best `CANDIDATES`
times as many movies as they are long, and from ever more until they are full or nothing is left.
"""

from dataclasses import dataclass, replace

import numpy as np

from reco_assets.models.interface import NewMovies, Recommender, TopN
from reco_assets.models.ratings import Ratings, positions
from reco_assets.models.top_n import MASKED, empty_lists
from reco_assets.rules.editing import Editing, Effect
from reco_assets.rules.new_movies import Grouped, placed
from reco_assets.rules.reranking import Wanted, could_be_longer, reranked

CANDIDATES, MOST_MORE = 10, 500  # so many times as many as a list is long, but no more than so many more
WIDER = 8
MORE = 3  # others for each new movie: it may fill the genres of so many
USERS_AT_ONCE = 20_480  # blocks of 512, as the kernel makes them
CANDIDATES_AT_ONCE = 2**17  # of all users together: 70 MB of vectors of 128


def recommend(model: Recommender, editing: Editing, user_id: np.ndarray, n: int, seen: Ratings | None = None) -> TopN:
    """What `Recommender.recommend` gives, of movies that the rules and settings allow, in the order that they ask for.

    A list is shorter than n where they leave no more. Without any it is the model's to the last bit.
    """
    new, places = model.new_movies, editing.new_places(n)
    if new is None or editing.new is None or not places:
        return _of_rated(model, editing, user_id, n, seen)
    # Where genres may be full, there must be more to choose from.
    more, pool = (MORE * places, CANDIDATES * places) if editing.caps else (0, places)
    others = _of_rated(model, editing, user_id, n + more, seen)
    found = _of_new(new, editing.new, user_id, min(pool, places + MOST_MORE), seen)
    both = _grouped(model, editing, others), _grouped(new, editing.new, found)
    return placed(*both, n, places, editing.caps.most)


def _of_new(new: NewMovies, editing: Editing, user_id: np.ndarray, n: int, seen: Ratings | None) -> TopN:
    """The best new movies, without those that rules hide."""
    lists = empty_lists(user_id, n)
    for rows, effect in editing.groups(user_id):
        found = _Asked(new, editing, effect, seen).best(user_id[rows], n)
        lists.movie_id[rows], lists.score[rows] = found.movie_id, found.score
    return lists


def _grouped(model: Recommender | NewMovies, editing: Editing, lists: TopN) -> Grouped:
    return Grouped(lists, editing.caps.groups[_at(model, lists)])


def _of_rated(model: Recommender, editing: Editing, user_id: np.ndarray, n: int, seen: Ratings | None) -> TopN:
    if editing.is_off:
        return model.recommend(user_id, n, seen)
    lists = empty_lists(user_id, n)
    pool = min(CANDIDATES * n, n + MOST_MORE)
    for rows, effect in editing.groups(user_id):
        asked = _Asked(model, editing, effect, seen)
        found = asked.chosen(user_id[rows], n, pool) if editing.reranks else asked.best(user_id[rows], n)
        lists.movie_id[rows], lists.score[rows] = found.movie_id, found.score
    return lists


def similar_items(model: Recommender, editing: Editing, movie_id: np.ndarray, n: int) -> TopN:
    """What `Recommender.similar_items` gives, without the movies that are hidden for everyone. Raises `KeyError`."""
    if editing.is_off or editing.everyone.listable.all():
        return model.similar_items(movie_id, n)
    lists, movies, asking, pool = empty_lists(movie_id, n), len(model.movie_ids), np.arange(len(movie_id)), 2 * n
    while len(asking):
        found = model.similar_items(movie_id[asking], min(pool, movies))
        shown = (found.movie_id != MASKED) & editing.everyone.listable[_at(model, found)]
        first = np.argsort(~shown, axis=1, kind="stable")[:, :n]
        there = np.take_along_axis(shown, first, axis=1)
        lists.movie_id[asking, : there.shape[1]] = np.where(there, np.take_along_axis(found.movie_id, first, 1), MASKED)
        lists.score[asking, : there.shape[1]] = np.where(there, np.take_along_axis(found.score, first, 1), 0)
        cut = (found.movie_id[:, -1] != MASKED) & (lists.movie_id[asking, -1] == MASKED) & (pool < movies)
        asking, pool = asking[cut], WIDER * pool
    return lists


@dataclass(frozen=True)
class _Asked:
    """Who answers, what holds for those who ask, and what they have seen."""

    model: Recommender | NewMovies
    editing: Editing
    effect: Effect
    seen: Ratings | None

    def best(self, user_id: np.ndarray, n: int) -> TopN:
        """The best n movies by the scores times their factors."""
        lists = empty_lists(user_id, n)
        for start in range(0, len(user_id), USERS_AT_ONCE):
            rows = slice(start, start + USERS_AT_ONCE)
            found = self._best_of_block(user_id[rows], n)
            lists.movie_id[rows], lists.score[rows] = found.movie_id, found.score
        return lists

    def _best_of_block(self, user_id: np.ndarray, n: int) -> TopN:
        listable, factors = self.effect.listable, self.effect.factor
        parts = [
            _times(factor, self.model.recommend(user_id, n, self.seen, listable & (factors == factor)))
            for factor in np.unique(factors[listable])
        ]
        if len(parts) == 1:
            return parts[0]
        return _best_of(parts, user_id, n) if parts else empty_lists(user_id, n)

    def chosen(self, user_id: np.ndarray, n: int, pool: int) -> TopN:
        """Lists of n movies chosen from so many candidates, and from more where these don't fill them."""
        lists, listable = empty_lists(user_id, n), self.effect.listable
        pool, many = min(pool, max(int(listable.sum()), 1)), max(CANDIDATES_AT_ONCE // pool, 1)
        wanted = Wanted(self.editing.caps, self.editing.policy.settings.diversity, self.editing.directions)
        asking = []
        for start in range(0, len(user_id), many):
            rows = slice(start, start + many)
            candidates = self._best_of_block(user_id[rows], pool)
            found = reranked(candidates, _at(self.model, candidates), n, wanted)
            lists.movie_id[rows], lists.score[rows] = found.movie_id, found.score
            cut = candidates.movie_id[:, -1] != MASKED
            longer = could_be_longer(found, _at(self.model, found), listable, wanted.caps)
            asking.append(start + np.flatnonzero(cut & longer))
        short = np.concatenate([np.zeros(0, np.int64), *asking])
        if len(short) and pool < listable.sum():
            more = self.chosen(user_id[short], n, WIDER * pool)
            lists.movie_id[short], lists.score[short] = more.movie_id, more.score
        return lists


def _times(factor: np.float32, lists: TopN) -> TopN:
    """Lists whose scores are multiplied; one below 0 is divided, so that it rises as well."""
    if factor == 1:
        return lists
    return replace(lists, score=np.where(lists.score >= 0, lists.score * factor, lists.score / factor))


def _best_of(parts: list[TopN], user_id: np.ndarray, n: int) -> TopN:
    """The best n of lists of the same users, of equal scores the later movie first, as in every list."""
    movies, scores = np.hstack([part.movie_id for part in parts]), np.hstack([part.score for part in parts])
    order = np.lexsort((-movies, np.where(movies == MASKED, np.inf, -scores)))[:, :n]
    return TopN(user_id, *(np.take_along_axis(values, order, axis=1) for values in (movies, scores)))


def _at(model: Recommender | NewMovies, lists: TopN) -> np.ndarray:
    """The positions of the lists' movies among the model's."""
    return positions(model.movie_ids, lists.movie_id.ravel()).reshape(lists.movie_id.shape)

"""The two models that every other one is held against, and that can serve where there is nothing better."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp

from reco_assets.models.biases import USUAL, Biases, Penalties, clip, fit_biases
from reco_assets.models.explanation import Explanation, Part, Reasons
from reco_assets.models.interface import Baselines, Family, NoRatingsError, Recommender, TopN
from reco_assets.models.one_order import lists_in_order
from reco_assets.models.ratings import Ratings, distinct, known_positions, positions, rating_matrix
from reco_assets.models.top_n import MASKED, nothing_alike, only

USERS_FILE, MOVIES_FILE = "users.parquet", "movies.parquet"
_MEAN = b"mean"


@dataclass(frozen=True)
class Popularity:
    """Lists what was rated most, by share of all ratings, and predicts the mean. Both sides are sorted by id.

    item_counts (movies,): how many users rated each movie in training; mean: stars.
    """

    user_ids: np.ndarray
    movie_ids: np.ndarray
    item_counts: np.ndarray
    mean: float

    new_movies = None

    @classmethod
    def fit(cls, ratings: Ratings) -> Self:
        """Count ratings. Raises `NoRatingsError`."""
        return cls.of(*stars_of(ratings))

    @classmethod
    def of(cls, user_ids: np.ndarray, movie_ids: np.ndarray, stars: sp.csr_matrix) -> Self:
        """The same from what `stars_of` made of the ratings."""
        return cls(user_ids, movie_ids, counts_of(stars), float(stars.data.astype(np.float64).mean()))

    def knows(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """See `Recommender`."""
        return warm(self.user_ids, self.movie_ids, user_id, movie_id)

    def predict(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """See `Recommender`. Every pair gets the mean."""
        return np.full(np.broadcast_shapes(user_id.shape, movie_id.shape), self.mean, np.float32)

    def score(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """See `Recommender`."""
        return scores_at(self._share, positions(self.movie_ids, movie_id))

    def recommend(
        self, user_id: np.ndarray, n: int, seen: Ratings | None = None, among: np.ndarray | None = None
    ) -> TopN:
        """See `Recommender`. All users get the same movies, but for those that they have seen."""
        return lists_in_order(user_id, self.movie_ids, only(self._share, among), n, seen)

    def similar_items(self, movie_id: np.ndarray, n: int) -> TopN:
        """See `Recommender`. No movie is like another."""
        return nothing_alike(self.movie_ids, movie_id, n)

    def fold_in(self, ratings: Ratings) -> Self:
        """See `Recommender`."""
        return replace(self, user_ids=distinct(ratings.user_id))

    def explain(self, user_id: int, movie_id: int, seen: Ratings) -> Explanation:  # noqa: ARG002
        """See `Recommender`."""
        share = self._share[known_positions(self.movie_ids, np.array([movie_id]))[0]]
        return Explanation((Part("share of all ratings", float(share)),))

    def reasons(self, lists: TopN, seen: Ratings, n: int) -> Reasons:  # noqa: ARG002
        """See `Recommender`. No movie of a user's own has a part in a score."""
        return Reasons.none(lists.movie_id, n)

    def save(self, folder: Path) -> Mapping[str, Any]:
        """See `Recommender`. The files say it all."""
        _write(folder / USERS_FILE, self.mean, user_id=self.user_ids)
        _write(folder / MOVIES_FILE, self.mean, movie_id=self.movie_ids, rating_count=self.item_counts)
        return {}

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        users, movies = pq.read_table(folder / USERS_FILE), pq.read_table(folder / MOVIES_FILE)
        counts = movies["rating_count"].to_numpy()
        return cls(users["user_id"].to_numpy(), movies["movie_id"].to_numpy(), counts, _mean(movies))

    @property
    def _share(self) -> np.ndarray:
        share: np.ndarray = (self.item_counts / self.item_counts.sum()).astype(np.float32)
        return share


@dataclass(frozen=True)
class BiasOnly:
    """Predicts mean + user bias + movie bias, and lists movies in that order. Both sides are sorted by id."""

    user_ids: np.ndarray
    movie_ids: np.ndarray
    biases: Biases
    penalties: Penalties = USUAL

    new_movies = None

    @classmethod
    def fit(cls, ratings: Ratings) -> Self:
        """Fit the biases. Raises `NoRatingsError`."""
        return cls.of(*stars_of(ratings))

    @classmethod
    def of(cls, user_ids: np.ndarray, movie_ids: np.ndarray, stars: sp.csr_matrix) -> Self:
        """The same from what `stars_of` made of the ratings."""
        return cls(user_ids, movie_ids, fit_biases(stars))

    def knows(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """See `Recommender`."""
        return warm(self.user_ids, self.movie_ids, user_id, movie_id)

    def predict(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """See `Recommender`. The bias of a side that was not seen is 0."""
        return clip(self.unclipped(positions(self.user_ids, user_id), positions(self.movie_ids, movie_id)))

    def unclipped(self, users: np.ndarray, movies: np.ndarray) -> np.ndarray:
        """Stars beyond the scale too, for n pairs of positions, -1 where a side was not seen: (n,) float32."""
        user, movie = _at(self.biases.user, users), _at(self.biases.item, movies)
        stars: np.ndarray = (self.biases.mean + user + movie).astype(np.float32)
        return stars

    def score(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """See `Recommender`. Stars, beyond the scale too."""
        movies = positions(self.movie_ids, movie_id)
        stars: np.ndarray = np.where(movies < 0, -np.inf, self.unclipped(positions(self.user_ids, user_id), movies))
        return stars

    def recommend(
        self, user_id: np.ndarray, n: int, seen: Ratings | None = None, among: np.ndarray | None = None
    ) -> TopN:
        """See `Recommender`. All users get the same movies, but for those that they have seen."""
        lists = lists_in_order(user_id, self.movie_ids, only(self.biases.item, among), n, seen)
        users = (self.biases.mean + _at(self.biases.user, positions(self.user_ids, user_id))).astype(np.float32)
        return replace(lists, score=np.where(lists.movie_id == MASKED, 0, lists.score + users[:, None]))

    def similar_items(self, movie_id: np.ndarray, n: int) -> TopN:
        """See `Recommender`. No movie is like another."""
        return nothing_alike(self.movie_ids, movie_id, n)

    def fold_in(self, ratings: Ratings) -> Self:
        """See `Recommender`. Movies the model has not seen say nothing about a user and are left out."""
        user_ids = distinct(ratings.user_id)
        stars = rating_matrix(ratings, user_ids, self.movie_ids)
        counts = np.diff(stars.indptr)
        above = stars.data - self.biases.mean - self.biases.item[stars.indices]
        total = np.bincount(np.repeat(np.arange(len(user_ids)), counts), above, len(user_ids))
        bias = (total / (counts + self.penalties.user)).astype(np.float32)
        return replace(self, user_ids=user_ids, biases=replace(self.biases, user=bias))

    def explain(self, user_id: int, movie_id: int, seen: Ratings) -> Explanation:
        """See `Recommender`."""
        movie = self.biases.item[known_positions(self.movie_ids, np.array([movie_id]))[0]]
        user = self.fold_in(seen.where(seen.user_id == user_id)).biases.user.sum()  # none, or the one of the user
        parts = Part("mean", self.biases.mean), Part("user", float(user)), Part("movie", float(movie))
        return Explanation(tuple(sorted(parts, key=lambda part: -part.value)))

    def reasons(self, lists: TopN, seen: Ratings, n: int) -> Reasons:  # noqa: ARG002
        """See `Recommender`. No movie of a user's own has a part in a score."""
        return Reasons.none(lists.movie_id, n)

    def save(self, folder: Path) -> Mapping[str, Any]:
        """See `Recommender`. The files say it all."""
        _write(folder / USERS_FILE, self.biases.mean, user_id=self.user_ids, bias=self.biases.user)
        _write(folder / MOVIES_FILE, self.biases.mean, movie_id=self.movie_ids, bias=self.biases.item)
        return {}

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        users, movies = pq.read_table(folder / USERS_FILE), pq.read_table(folder / MOVIES_FILE)
        biases = Biases(_mean(movies), users["bias"].to_numpy(), movies["bias"].to_numpy())
        return cls(users["user_id"].to_numpy(), movies["movie_id"].to_numpy(), biases)


def fit_baselines(ratings: Ratings) -> Baselines:
    """Fit both to the ratings that the judged model was trained on. Raises `NoRatingsError`."""
    made = stars_of(ratings)
    return Baselines(BiasOnly.of(*made), Popularity.of(*made))


def baselines_beside(family: Family, model: Recommender, fitted_to: Callable[[], Ratings]) -> Baselines:
    """What a model is held against: the baselines that it holds itself, as these stand in for it, or else fitted ones.

    `fitted_to` brings the ratings that the model was fitted to.
    """
    return family.users.baselines(model) if family.users else fit_baselines(fitted_to())


def stars_of(ratings: Ratings) -> tuple[np.ndarray, np.ndarray, sp.csr_matrix]:
    """The users and the movies of ratings, sorted, and the stars of each pair. Raises `NoRatingsError`."""
    if len(ratings) == 0:
        raise NoRatingsError("There are no training ratings to fit a model to.")
    return ratings.stars.user_ids, ratings.stars.movie_ids, ratings.stars.matrix


def counts_of(stars: sp.csr_matrix) -> np.ndarray:
    """How many users rated each movie: (movies,) int32."""
    return np.bincount(stars.indices, minlength=stars.shape[1]).astype(np.int32)


def likes_of(stars: sp.csr_matrix, threshold: float) -> sp.csr_matrix:
    """The pairs of at least so many stars, each 1: same shape as `stars`."""
    liked = stars.data >= threshold
    kept = np.concatenate([[0], np.cumsum(liked)])[stars.indptr]
    ones = np.ones(int(liked.sum()), np.float32)
    return sp.csr_matrix((ones, stars.indices[liked], kept), shape=stars.shape)


def warm(user_ids: np.ndarray, movie_ids: np.ndarray, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
    """Which of n pairs have both sides among the sorted ids of a model: (n,) bool."""
    return (positions(user_ids, user_id) >= 0) & (positions(movie_ids, movie_id) >= 0)


def scores_at(scores: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The scores (movies,) of movies at n positions, -inf where a position is -1: (n,)."""
    found: np.ndarray = np.append(scores, np.float32(-np.inf))[at]
    return found


def _at(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The values at these positions, 0 where a position is -1."""
    taken, known = np.zeros(len(at), values.dtype), at >= 0
    taken[known] = values[at[known]]
    return taken


def _write(path: Path, mean: float, **columns: np.ndarray) -> None:
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    pq.write_table(table.replace_schema_metadata({_MEAN: repr(mean)}), path)


def _mean(table: pa.Table) -> float:
    return float(table.schema.metadata[_MEAN])

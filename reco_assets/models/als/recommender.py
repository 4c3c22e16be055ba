"""The recommender: a rating part and a ranking part behind the one interface that everything else knows.

Evaluation, gold tables, the CLI and drift use `Recommender` alone; `AlsRecommender` is its first implementation.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp

from reco_assets.models.als import biases as rating
from reco_assets.models.als import solver as als
from reco_assets.models.als.biases import Biases
from reco_assets.models.als.solver import AlsConfig
from reco_assets.models.ratings import Ratings, positions, rating_matrix
from reco_assets.models.top_n import MASKED, top_n
from resources.errors import RecoError

USERS_FILE, ITEMS_FILE = "user_factors.parquet", "item_factors.parquet"

Factorize = Callable[[sp.csr_matrix, AlsConfig], tuple[np.ndarray, np.ndarray]]


class NoRatingsError(RecoError):
    """There is nothing to fit a model to."""


@dataclass(frozen=True)
class ModelConfig:
    """Hyperparameters of both parts; a rating of at least `like_threshold` counts as a like for the ranking part."""

    rating: AlsConfig
    ranking: AlsConfig
    like_threshold: float

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for model.json and MLflow."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of `as_dict`."""
        return cls(AlsConfig(**values["rating"]), AlsConfig(**values["ranking"]), values["like_threshold"])


@dataclass(frozen=True)
class TopN:
    """Lists for u users: user_id (u,), movie_id (u, n) with -1 where a list ends early, score (u, n), best first."""

    user_id: np.ndarray
    movie_id: np.ndarray
    score: np.ndarray


class Recommender(Protocol):
    """What every model can do. Ids are int32, scores and stars float32."""

    @property
    def movie_ids(self) -> np.ndarray:
        """The movies the model can recommend, sorted."""

    @property
    def item_counts(self) -> np.ndarray:
        """How many training ratings each of these movies has."""

    def knows(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """Which of n pairs are warm, both sides seen in training: (n,) bool."""

    def predict(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """Stars for n pairs, within 0.5 to 5; cold sides fall back to what is left of the biases: (n,)."""

    def predict_bias_only(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """The bias baseline for n pairs: (n,)."""

    def recommend(self, user_id: np.ndarray, n: int, seen: Ratings | None = None) -> TopN:
        """Best n movies per user, `seen` ones left out; users the model has not seen get the popular ones."""

    def recommend_popular(self, user_id: np.ndarray, n: int, seen: Ratings | None = None) -> TopN:
        """The popularity baseline: the movies most rated in training, by share of all ratings, `seen` ones left out."""

    def similar_items(self, movie_id: np.ndarray, n: int) -> TopN:
        """Nearest n movies by cosine, the movie itself left out; rows as `movie_id`, which the model must know."""

    def fold_in(self, ratings: Ratings) -> "Recommender":
        """The same model for other users: their side solved from these ratings, the items' side untouched."""

    def save(self, folder: Path) -> None:
        """Write the factors as Parquet into an existing folder."""


@dataclass(frozen=True)
class AlsRecommender:
    """Both parts of one version. Sides are sorted by id; `liked` (items, ranking rank) and so on are float32."""

    config: ModelConfig
    user_ids: np.ndarray
    movie_ids: np.ndarray
    biases: Biases
    rating_users: np.ndarray
    rating_items: np.ndarray
    ranking_users: np.ndarray
    ranking_items: np.ndarray
    item_counts: np.ndarray

    @classmethod
    def fit(cls, ratings: Ratings, config: ModelConfig, factorize: Factorize = als.factorize) -> Self:
        """Fit both parts. `factorize` is the engine's solver. Raises `NoRatingsError`."""
        if len(ratings) == 0:
            raise NoRatingsError("There are no training ratings to fit a model to.")
        user_ids, movie_ids = np.unique(ratings.user_id), np.unique(ratings.movie_id)
        stars = rating_matrix(ratings, user_ids, movie_ids)
        biases = rating.fit_biases(stars)
        rating_users, rating_items = factorize(rating.residuals(stars, biases), config.rating)
        ranking_users, ranking_items = factorize(_likes(stars, config.like_threshold), config.ranking)
        counts = np.bincount(stars.indices, minlength=len(movie_ids)).astype(np.int32)
        return cls(
            config, user_ids, movie_ids, biases, rating_users, rating_items, ranking_users, ranking_items, counts
        )

    def knows(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """See `Recommender`."""
        return (positions(self.user_ids, user_id) >= 0) & (positions(self.movie_ids, movie_id) >= 0)

    def predict(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """See `Recommender`."""
        users, items = positions(self.user_ids, user_id), positions(self.movie_ids, movie_id)
        stars = self._bias(users, items)
        warm = np.flatnonzero((users >= 0) & (items >= 0))
        for at in np.array_split(warm, len(warm) // 1_000_000 + 1):
            factors = self.rating_users[users[at]], self.rating_items[items[at]]
            stars[at] += np.einsum("ij,ij->i", *factors)
        return rating.clip(stars)

    def predict_bias_only(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """See `Recommender`."""
        return rating.clip(self._bias(positions(self.user_ids, user_id), positions(self.movie_ids, movie_id)))

    def recommend(self, user_id: np.ndarray, n: int, seen: Ratings | None = None) -> TopN:
        """See `Recommender`."""
        lists = self.recommend_popular(user_id, n, seen)
        at = positions(self.user_ids, user_id)
        # A user without a like has a zero vector, which ranks nothing: popularity serves those as well.
        has_likes = np.asarray(self.ranking_users.any(axis=1))
        warm = np.flatnonzero(_at(has_likes, at))
        hidden = self._seen(user_id[warm], seen)
        chosen, scores = top_n(self.ranking_users[at[warm]], self.ranking_items, n, hidden)
        lists.movie_id[warm], lists.score[warm] = self._ids(chosen), scores
        return lists

    def recommend_popular(self, user_id: np.ndarray, n: int, seen: Ratings | None = None) -> TopN:
        """See `Recommender`."""
        share = (self.item_counts / self.item_counts.sum()).astype(np.float32)[:, None]
        chosen, scores = top_n(np.ones((len(user_id), 1), np.float32), share, n, self._seen(user_id, seen))
        return TopN(user_id, self._ids(chosen), scores)

    def similar_items(self, movie_id: np.ndarray, n: int) -> TopN:
        """See `Recommender`. A movie nobody liked resembles none: its list is empty.

        Raises `KeyError` on a movie the model has not seen.
        """
        at = positions(self.movie_ids, movie_id)
        if (at < 0).any():
            raise KeyError(f"The model has not seen movie {movie_id[at < 0][0]}.")
        norms = np.linalg.norm(self.ranking_items, axis=1, keepdims=True)
        unit = self.ranking_items / np.where(norms > 0, norms, 1)
        itself = sp.csr_matrix((np.ones(len(at), np.float32), (np.arange(len(at)), at)), (len(at), len(unit)))
        chosen, scores = top_n(unit[at], unit, n, itself)
        chosen[norms[at, 0] == 0] = MASKED
        return TopN(movie_id, self._ids(chosen), scores)

    def fold_in(self, ratings: Ratings) -> "AlsRecommender":
        """See `Recommender`. Movies the model has not seen say nothing about a user and are left out."""
        user_ids = np.unique(ratings.user_id)
        stars = rating_matrix(ratings, user_ids, self.movie_ids)
        users = np.repeat(np.arange(len(user_ids)), np.diff(stars.indptr))
        above = stars.data - self.biases.mean - self.biases.item[stars.indices]
        total = np.bincount(users, above, len(user_ids))
        bias = (total / (np.diff(stars.indptr) + rating.USER_PENALTY)).astype(np.float32)
        biases = replace(self.biases, user=bias)
        left = rating.residuals(stars, biases)
        return replace(
            self,
            user_ids=user_ids,
            biases=biases,
            rating_users=als.solve_rows(left, self.rating_items, self.config.rating),
            ranking_users=als.solve_rows(
                _likes(stars, self.config.like_threshold), self.ranking_items, self.config.ranking
            ),
        )

    def save(self, folder: Path) -> None:
        """See `Recommender`."""
        users = {
            "user_id": pa.array(self.user_ids),
            "bias": pa.array(self.biases.user),
            "rating_factors": _vectors(self.rating_users),
            "ranking_factors": _vectors(self.ranking_users),
        }
        items = {
            "movie_id": pa.array(self.movie_ids),
            "bias": pa.array(self.biases.item),
            "rating_count": pa.array(self.item_counts),
            "rating_factors": _vectors(self.rating_items),
            "ranking_factors": _vectors(self.ranking_items),
        }
        pq.write_table(pa.table(users), folder / USERS_FILE)
        pq.write_table(pa.table(items), folder / ITEMS_FILE)

    @classmethod
    def load(cls, folder: Path, config: ModelConfig, mean: float) -> Self:
        """Read what `save` wrote; `config` and `mean` (stars) are in the version's model.json."""
        users, items = pq.read_table(folder / USERS_FILE), pq.read_table(folder / ITEMS_FILE)
        return cls(
            config=config,
            user_ids=users["user_id"].to_numpy(),
            movie_ids=items["movie_id"].to_numpy(),
            biases=Biases(mean, users["bias"].to_numpy(), items["bias"].to_numpy()),
            rating_users=_matrix(users["rating_factors"]),
            rating_items=_matrix(items["rating_factors"]),
            ranking_users=_matrix(users["ranking_factors"]),
            ranking_items=_matrix(items["ranking_factors"]),
            item_counts=items["rating_count"].to_numpy(),
        )

    def _bias(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        user, item = _at(self.biases.user, users), _at(self.biases.item, items)
        stars: np.ndarray = (self.biases.mean + user + item).astype(np.float32)
        return stars

    def _seen(self, user_id: np.ndarray, seen: Ratings | None) -> sp.csr_matrix | None:
        if seen is None:
            return None
        users, rows = np.unique(user_id, return_inverse=True)
        matrix = rating_matrix(seen, users, self.movie_ids)
        return matrix if np.array_equal(users, user_id) else matrix[rows]

    def _ids(self, chosen: np.ndarray) -> np.ndarray:
        return np.where(chosen == MASKED, MASKED, self.movie_ids[chosen]).astype(np.int32)


def _at(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The values at these positions, 0 where a position is -1."""
    taken, known = np.zeros(len(at), values.dtype), at >= 0
    taken[known] = values[at[known]]
    return taken


def _likes(stars: sp.csr_matrix, threshold: float) -> sp.csr_matrix:
    liked = stars.data >= threshold
    kept = np.concatenate([[0], np.cumsum(liked)])[stars.indptr]
    ones = np.ones(int(liked.sum()), np.float32)
    return sp.csr_matrix((ones, stars.indices[liked], kept), shape=stars.shape)


def _vectors(factors: np.ndarray) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(factors.ravel()), factors.shape[1])


def _matrix(column: pa.ChunkedArray) -> np.ndarray:
    lists = column.combine_chunks()
    factors: np.ndarray = lists.flatten().to_numpy().reshape(len(lists), lists.type.list_size)
    return factors

"""A neural model as the platform knows it. It answers in numpy: whoever serves it needs no JAX."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from reco_assets.models.baselines import BiasOnly, Popularity, counts_of
from reco_assets.models.biases import Biases, fit_biases
from reco_assets.models.columns import matrix, vectors
from reco_assets.models.explanation import Explanation, Part, Reasons, reasons_one_by_one
from reco_assets.models.interface import TopN
from reco_assets.models.ncf.config import NcfConfig, NcfRecord, Outcome
from reco_assets.models.ncf.fold import Fold
from reco_assets.models.ncf.vectors import Tower, Vectors
from reco_assets.models.ratings import Ratings, known_positions, positions, rating_matrix
from reco_assets.models.top_n import MASKED, empty_lists, movies_at, top_n

USERS_FILE, MOVIES_FILE, TOWER_FILE, FOLD_FILE = "users.parquet", "movies.parquet", "tower.npz", "fold.npz"
PAIRS_AT_ONCE = 50_000


@dataclass(frozen=True)
class NcfRecommender:
    """Stars by the biases, lists by the network. Sides are sorted by id; item_counts (movies,): ratings in training."""

    config: NcfConfig
    outcome: Outcome
    user_ids: np.ndarray
    movie_ids: np.ndarray
    biases: Biases
    item_counts: np.ndarray
    users: Vectors
    movies: Vectors
    tower: Tower
    fold: Fold

    new_movies = None  # those that nobody rated are among `movie_ids`

    @classmethod
    def of(
        cls,
        ratings: Ratings,
        trained: tuple[NcfConfig, Outcome],
        ids: tuple[np.ndarray, np.ndarray],
        network: tuple[Vectors, Vectors, Tower],
    ) -> Self:
        """Of a trained network, the ratings that taught it, and the sorted ids of its users and its movies."""
        stars = rating_matrix(ratings, *ids)
        users, movies, tower = network
        fold = Fold.fit(users, movies, stars)
        return cls(*trained, *ids, fit_biases(stars), counts_of(stars), users, movies, tower, fold)

    @property
    def bias_only(self) -> BiasOnly:
        """What predicts stars."""
        return BiasOnly(self.user_ids, self.movie_ids, self.biases)

    @property
    def popularity(self) -> Popularity:
        """What serves the users that the network knows nothing of."""
        return Popularity(self.user_ids, self.movie_ids, self.item_counts, self.biases.mean)

    def knows(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """See `Recommender`. A movie that nobody rated can be recommended by its features, and is not known."""
        movies = positions(self.movie_ids, movie_id)
        rated: np.ndarray = np.append(self.item_counts, 0)[movies] > 0  # the last, at -1, is of an unknown movie
        return rated & (positions(self.user_ids, user_id) >= 0)

    def predict(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """See `Recommender`."""
        return self.bias_only.predict(user_id, movie_id)

    def score(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """See `Recommender`."""
        users, movies = positions(self.user_ids, user_id), positions(self.movie_ids, movie_id)
        scores = self.popularity.score(user_id, movie_id)
        own = np.flatnonzero(self._reached[users] & (movies >= 0))
        for at in np.array_split(own, len(own) // PAIRS_AT_ONCE + 1):
            scores[at] = self.tower.scores(self.users.at(users[at]), self.movies.at(movies[at]))
        return scores

    def recommend(
        self, user_id: np.ndarray, n: int, seen: Ratings | None = None, among: np.ndarray | None = None
    ) -> TopN:
        """See `Recommender`. Popularity serves strangers, and who rated nothing that the network knows."""
        lists = empty_lists(user_id, n)
        at = positions(self.user_ids, user_id)
        own, others = np.flatnonzero(self._reached[at]), np.flatnonzero(~self._reached[at])
        best = self.popularity.recommend(user_id[others], n, seen, among)
        lists.movie_id[others], lists.score[others] = best.movie_id, best.score
        for row, movies, scores in self._best(user_id[own], at[own], n, seen, among):
            lists.movie_id[own[row], : len(movies)] = self.movie_ids[movies]
            lists.score[own[row], : len(movies)] = scores
        return lists

    def similar_items(self, movie_id: np.ndarray, n: int) -> TopN:
        """See `Recommender`. Likeness is the cosine of the movies' vectors; a movie nobody rated resembles none."""
        at = known_positions(self.movie_ids, movie_id)
        norms = np.linalg.norm(self.movies.product, axis=1, keepdims=True)
        unit = self.movies.product / np.where(norms > 0, norms, 1)
        hidden = rating_matrix(
            Ratings(np.arange(len(at), dtype=np.int32), movie_id, np.ones(len(at), np.float32)),
            np.arange(len(at)),
            self.movie_ids,
        )
        chosen, scores = top_n(unit[at], unit, n, hidden)
        chosen[self.item_counts[at] == 0] = MASKED
        return TopN(movie_id, movies_at(self.movie_ids, chosen), scores)

    def fold_in(self, ratings: Ratings) -> Self:
        """See `Recommender`. Movies the model has not seen say nothing about a user and are left out."""
        folded = self.bias_only.fold_in(ratings)
        rated = rating_matrix(ratings, folded.user_ids, self.movie_ids)
        users = self.fold.vectors(self.movies, rated)
        return replace(self, user_ids=folded.user_ids, biases=folded.biases, users=users)

    def explain(self, user_id: int, movie_id: int, seen: Ratings) -> Explanation:
        """See `Recommender`. Each movie that the user rated is a part of the product; the layers are one."""
        (item,) = known_positions(self.movie_ids, np.array([movie_id]))
        rated = rating_matrix(seen, np.array([user_id]), self.movie_ids)
        if rated.nnz == 0:
            return self.popularity.explain(user_id, movie_id, seen)
        added, base = self.fold.products(self.movies, rated.indices, item)
        network = self.tower.network(self.fold.vectors(self.movies, rated).at(0), self.movies.at(item))
        parts = [
            Part("network", float(network)),
            Part("any user", base),
            *(
                Part("rated", float(value), int(movie))
                for value, movie in zip(added, self.movie_ids[rated.indices], strict=True)
            ),
        ]
        return Explanation(tuple(sorted(parts, key=lambda part: -part.value)))

    def reasons(self, lists: TopN, seen: Ratings, n: int) -> Reasons:
        """See `Recommender`."""
        return reasons_one_by_one(self.explain, lists.user_id, lists.movie_id, seen, n)

    def save(self, folder: Path) -> Mapping[str, Any]:
        """See `Recommender`."""
        users = {"user_id": pa.array(self.user_ids), "bias": pa.array(self.biases.user), **_columns(self.users)}
        movies = {
            "movie_id": pa.array(self.movie_ids),
            "bias": pa.array(self.biases.item),
            "rating_count": pa.array(self.item_counts),
            **_columns(self.movies),
        }
        pq.write_table(pa.table(users), folder / USERS_FILE)
        pq.write_table(pa.table(movies), folder / MOVIES_FILE)
        np.savez(folder / TOWER_FILE, **vars(self.tower))
        np.savez(folder / FOLD_FILE, **vars(self.fold))
        return {"config": self.config, "outcome": self.outcome, "mean": self.biases.mean}

    @classmethod
    def load(cls, folder: Path, record: NcfRecord) -> Self:
        """Read what `save` wrote; the rest is in the version's model.json."""
        users, movies = pq.read_table(folder / USERS_FILE), pq.read_table(folder / MOVIES_FILE)
        return cls(
            config=record.config,
            outcome=record.outcome,
            user_ids=users["user_id"].to_numpy(),
            movie_ids=movies["movie_id"].to_numpy(),
            biases=Biases(record.mean, users["bias"].to_numpy(), movies["bias"].to_numpy()),
            item_counts=movies["rating_count"].to_numpy(),
            users=_vectors(users),
            movies=_vectors(movies),
            tower=Tower(**_arrays(folder / TOWER_FILE)),
            fold=Fold(**_arrays(folder / FOLD_FILE)),
        )

    @cached_property
    def _reached(self) -> np.ndarray:
        """(users + 1,) bool: whose lists the network makes; the last, at -1, is of an unknown user."""
        return np.append(self.users.joined.any(axis=1), False)

    def _best(
        self, user_id: np.ndarray, at: np.ndarray, n: int, seen: Ratings | None, among: np.ndarray | None
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Row, positions and scores of each user's best movies; one user at a time, as all scores fill memory."""
        hidden = seen.stars.of(user_id, self.movie_ids) if seen is not None else None
        for row, user in enumerate(at):
            scores = self.tower.scores(self.users.at(user), self.movies)
            if among is not None:
                scores[~among] = -np.inf
            if hidden is not None:
                scores[hidden.indices[slice(*hidden.indptr[row : row + 2])]] = -np.inf
            left = len(scores) - np.isneginf(scores).sum()
            best = np.argsort(-scores, kind="stable")[: min(n, left)]
            yield row, best, scores[best]


def _columns(side: Vectors) -> dict[str, pa.Array]:
    return {"product": vectors(side.product), "first": vectors(side.first)}


def _vectors(table: pa.Table) -> Vectors:
    return Vectors(matrix(table["product"]), matrix(table["first"]))


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)

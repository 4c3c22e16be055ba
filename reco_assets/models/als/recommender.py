"""The ALS recommender: a rating part (biases + ALS on what they leave) and a ranking part (see `ranking`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp

from reco_assets.models.als import solver as als
from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.new_movies import NewMovies, load_new, save_new
from reco_assets.models.als.ranking import Factorize, RankingItems, fit_ranking
from reco_assets.models.baselines import BiasOnly, Popularity, counts_of, likes_of, stars_of, warm
from reco_assets.models.biases import Biases, clip, fit_biases, residuals
from reco_assets.models.columns import in_order, matrix, vectors
from reco_assets.models.explanation import Explanation, Part, Reasons
from reco_assets.models.interface import TopN
from reco_assets.models.ratings import Ratings, at_once, known_positions, positions, rating_matrix
from reco_assets.models.record import ModelPart
from reco_assets.models.top_n import MASKED, Side, best_movies, empty_lists, movies_at, top_n

USERS_FILE, ITEMS_FILE = "user_factors.parquet", "item_factors.parquet"
ADDS = "ranking_adds"  # the column that a version with EASE has beside those of every version


@dataclass(frozen=True)
class AlsRecommender:
    """Both parts of one version. Sides are sorted by id; factors (users or items, rank) are float32.

    `ranking_adds`: what a like of each movie adds to EASE's columns of its user's vector. `new`: movies without ratings
    by vectors like `ranking_items`. For parts in `replaced` it answers as bias-only or as popularity, by what it knows.
    """

    config: ModelConfig
    user_ids: np.ndarray
    movie_ids: np.ndarray
    biases: Biases
    rating_users: np.ndarray
    rating_items: np.ndarray
    ranking_users: np.ndarray
    ranking_items: np.ndarray
    item_counts: np.ndarray
    ranking_adds: np.ndarray | None = None
    replaced: tuple[ModelPart, ...] = ()
    new: Side | None = None

    @classmethod
    def fit(cls, ratings: Ratings, config: ModelConfig, factorize: Factorize = als.factorize) -> Self:
        """Fit both parts. `factorize` is the engine's solver. Raises `NoRatingsError`."""
        user_ids, movie_ids, stars = stars_of(ratings)
        biases, counts = fit_biases(stars, config.penalties), counts_of(stars)
        rating_users, rating_items = factorize(residuals(stars, biases), config.rating)
        ranking_users, ranking = fit_ranking(likes_of(stars, config.like_threshold), counts, config, factorize)
        return cls(
            config=config,
            user_ids=user_ids,
            movie_ids=movie_ids,
            biases=biases,
            rating_users=np.float32(config.shrinkage) * rating_users,
            rating_items=rating_items,
            ranking_users=ranking_users,
            ranking_items=ranking.vectors,
            item_counts=counts,
            ranking_adds=ranking.adds if config.mix.ease else None,
        )

    @property
    def bias_only(self) -> BiasOnly:
        """What is left of the model without the factors of its rating part."""
        return BiasOnly(self.user_ids, self.movie_ids, self.biases, self.config.penalties)

    @property
    def popularity(self) -> Popularity:
        """What serves the users that the ranking part knows nothing of."""
        return Popularity(self.user_ids, self.movie_ids, self.item_counts, self.biases.mean)

    @property
    def new_movies(self) -> NewMovies | None:
        """See `Recommender`."""
        new = None if "lists" in self.replaced else self.new
        return NewMovies(new, Side(self.user_ids, self.ranking_users)) if new else None

    def knows(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """See `Recommender`."""
        return warm(self.user_ids, self.movie_ids, user_id, movie_id)

    def predict(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """See `Recommender`. Cold sides fall back to what is left of the biases."""
        users, items = positions(self.user_ids, user_id), positions(self.movie_ids, movie_id)
        stars = self.bias_only.unclipped(users, items)
        if "stars" in self.replaced:
            return clip(stars)
        known = np.flatnonzero((users >= 0) & (items >= 0))
        for at in at_once(known):
            user, item = users[at], items[at]
            stars[at] += np.einsum("ij,ij->i", self.rating_users[user], self.rating_items[item])
            stars[at] += self.config.liking.added(self.ranking_users[user], self.ranking_items[item])
        return clip(stars)

    def score(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        """See `Recommender`."""
        scores = self.popularity.score(user_id, movie_id)
        users, items = positions(self.user_ids, user_id), positions(self.movie_ids, movie_id)
        own = np.flatnonzero(self._have_likes(users) & (items >= 0))
        for at in at_once(own):
            scores[at] = np.einsum("ij,ij->i", self.ranking_users[users[at]], self.ranking_items[items[at]])
        return scores

    def recommend(
        self, user_id: np.ndarray, n: int, seen: Ratings | None = None, among: np.ndarray | None = None
    ) -> TopN:
        """See `Recommender`. A user without a like has a zero vector, which ranks nothing: popularity serves."""
        at = positions(self.user_ids, user_id)
        has_likes, lists = self._have_likes(at), empty_lists(user_id, n)
        own, others = np.flatnonzero(has_likes), np.flatnonzero(~has_likes)
        if len(own):
            users, movies = Side(user_id[own], self.ranking_users[at[own]]), Side(self.movie_ids, self.ranking_items)
            best = best_movies(users, movies, n, seen, among)
            lists.movie_id[own], lists.score[own] = best.movie_id, best.score
        if len(others):
            best = self.popularity.recommend(user_id[others], n, seen, among)
            lists.movie_id[others], lists.score[others] = best.movie_id, best.score
        return lists

    def similar_items(self, movie_id: np.ndarray, n: int) -> TopN:
        """See `Recommender`. Likeness is a cosine (`RankingItems.directions`); a movie nobody liked resembles none."""
        at, unit = known_positions(self.movie_ids, movie_id), self.directions
        itself = sp.csr_matrix((np.ones(len(at), np.float32), (np.arange(len(at)), at)), (len(at), len(unit)))
        chosen, scores = top_n(unit[at], unit, n, itself)
        chosen[~unit[at].any(axis=1)] = MASKED
        return TopN(movie_id, movies_at(self.movie_ids, chosen), scores)

    def fold_in(self, ratings: Ratings) -> Self:
        """See `Recommender`. Movies the model has not seen say nothing about a user and are left out."""
        folded = self.bias_only.fold_in(ratings)
        stars = rating_matrix(ratings, folded.user_ids, self.movie_ids)
        left, liked = residuals(stars, folded.biases), likes_of(stars, self.config.like_threshold)
        rating_users = als.solve_rows(left, self.rating_items, self.config.rating)
        return replace(
            self,
            user_ids=folded.user_ids,
            biases=folded.biases,
            rating_users=np.float32(self.config.shrinkage) * rating_users,
            ranking_users=self._ranking.users(liked, self.config),
        )

    def explain(self, user_id: int, movie_id: int, seen: Ratings) -> Explanation:
        """See `Recommender`. Each movie that the user liked is a part; without any, popularity alone speaks."""
        (item,) = known_positions(self.movie_ids, np.array([movie_id]))
        stars = rating_matrix(seen, np.array([user_id]), self.movie_ids)
        liked = likes_of(stars, self.config.like_threshold)
        if "lists" in self.replaced or not self._ranking.users(liked, self.config).any():
            return self.popularity.explain(user_id, movie_id, seen)
        added = self._ranking.added(liked.indices[None], np.array([[item]]), self.config)[0, :, 0]
        movies = self.movie_ids[liked.indices].tolist()
        parts = [Part("liked", float(value), movie) for value, movie in zip(added, movies, strict=True)]
        if self.config.mix.popularity:
            parts.append(Part("popularity", float(self._ranking.besides(np.array([item]))[0])))
        return Explanation(tuple(sorted(parts, key=lambda part: -part.value)))

    def reasons(self, lists: TopN, seen: Ratings, n: int) -> Reasons:
        """See `Recommender`. Nothing of their own speaks to users without a like, whom popularity serves."""
        found = self.popularity.reasons(lists, seen, n)
        if "lists" in self.replaced:
            return found
        listed = positions(self.movie_ids, lists.movie_id.ravel()).reshape(lists.movie_id.shape)
        likes = likes_of(seen.stars.of(lists.user_id, self.movie_ids), self.config.like_threshold)
        floats = self.ranking_items.shape[1] + lists.movie_id.shape[1]
        for rows, liked in als.batches_of_rows(likes, floats):
            items = listed[rows]
            added = self._ranking.added(liked, items, self.config)
            scores = added.sum(axis=1) + self._ranking.besides(items)
            found.put(rows, self.movie_ids[liked], added, np.where(items < 0, 0, scores))
        return found

    @cached_property
    def _ranking(self) -> RankingItems:
        adds = np.zeros((len(self.movie_ids), 0), np.float32) if self.ranking_adds is None else self.ranking_adds
        return RankingItems(self.ranking_items, adds, self.config.mix)

    @cached_property
    def directions(self) -> np.ndarray:
        """The direction of each movie (`RankingItems.directions`) with length 1, or zeros: (items, n)."""
        directions: np.ndarray = self._ranking.directions
        norms = np.linalg.norm(directions, axis=1, keepdims=True)
        return directions / np.where(norms > 0, norms, 1)

    def _have_likes(self, users: np.ndarray) -> np.ndarray:
        """Which users at n positions have a vector that ranks, nobody where popularity's lists serve: (n,) bool."""
        likes = np.zeros(len(users), bool)
        if "lists" in self.replaced:
            return likes
        known = users >= 0
        likes[known] = self.ranking_users[users[known]].any(axis=1)
        return likes

    def save(self, folder: Path) -> Mapping[str, Any]:
        """See `Recommender`."""
        users = {
            "user_id": pa.array(self.user_ids),
            "bias": pa.array(self.biases.user),
            "rating_factors": vectors(self.rating_users),
            "ranking_factors": vectors(self.ranking_users),
        }
        items = {
            "movie_id": pa.array(self.movie_ids),
            "bias": pa.array(self.biases.item),
            "rating_count": pa.array(self.item_counts),
            "rating_factors": vectors(self.rating_items),
            "ranking_factors": vectors(self.ranking_items),
            **({} if self.ranking_adds is None else {ADDS: vectors(self.ranking_adds)}),
        }
        pq.write_table(pa.table(users), folder / USERS_FILE)
        pq.write_table(pa.table(items), folder / ITEMS_FILE)
        save_new(self.new, folder)
        return {"config": self.config, "mean": self.biases.mean}

    @classmethod
    def load(cls, folder: Path, config: ModelConfig, mean: float, replaced: Sequence[ModelPart] = ()) -> Self:
        """Read what `save` wrote; `config`, `mean` (stars) and `replaced` are in the version's model.json."""
        users, items = (pq.read_table(folder / name) for name in (USERS_FILE, ITEMS_FILE))
        return replace(cls.of_sides(users, items, config, mean, replaced), new=load_new(folder))

    @classmethod
    def of_sides(
        cls, users: pa.Table, items: pa.Table, config: ModelConfig, mean: float, replaced: Sequence[ModelPart] = ()
    ) -> Self:
        """The model of these rows of a version's users, in any order, and of its items; others are strangers to it."""
        users = in_order(users, "user_id")
        rating_items, ranking_items = matrix(items["rating_factors"]), matrix(items["ranking_factors"])
        return cls(
            config=config,
            user_ids=users["user_id"].to_numpy(),
            movie_ids=items["movie_id"].to_numpy(),
            biases=Biases(mean, users["bias"].to_numpy(), items["bias"].to_numpy()),
            rating_users=matrix(users["rating_factors"], rating_items.shape[1]),
            rating_items=rating_items,
            ranking_users=matrix(users["ranking_factors"], ranking_items.shape[1]),
            ranking_items=ranking_items,
            item_counts=items["rating_count"].to_numpy(),
            ranking_adds=matrix(items[ADDS]) if ADDS in items.column_names else None,
            replaced=tuple(replaced),
        )

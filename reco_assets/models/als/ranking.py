"""The ranking part: what orders movies is a product of two sides, whichever models it is mixed from. Pure.

A movie's vector holds its factors of ALS, those of EASE and its popularity, side by side, where the mix has them, and a
user's vector the same, each times its weight. So a score is the weighted sum, and who makes lists knows nothing of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from reco_assets.models.als import solver
from reco_assets.models.als.config import Mix, ModelConfig
from reco_assets.models.als.ease import fit_ease
from reco_assets.models.als.solver import AlsConfig

Factorize = Callable[[sp.csr_matrix, AlsConfig], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class RankingItems:
    """The side of the movies: vectors (movies, width) float32.

    Attributes:
        vectors: What users' vectors are multiplied by.
        adds: What a like of each movie adds to EASE's columns of its user's vector, (movies, rank of EASE).
        mix: What the vectors are made of.
    """

    vectors: np.ndarray
    adds: np.ndarray
    mix: Mix

    @property
    def als(self) -> np.ndarray:
        """The factors of ALS, (movies, rank)."""
        return self.vectors[:, : self.vectors.shape[1] - self.adds.shape[1] - bool(self.mix.popularity)]

    @property
    def ease(self) -> np.ndarray:
        """The factors of EASE, (movies, rank)."""
        first = self.als.shape[1]
        return self.vectors[:, first : first + self.adds.shape[1]]

    @property
    def directions(self) -> np.ndarray:
        """Vectors that are alike where movies are, (movies, n); zeros for a movie of which nothing is known.

        Those of ALS, where it is in the mix; else what a like adds, whose cosines are those of EASE's weights.
        """
        return self.als if self.mix.als else self.adds

    def weights(self, mix: Mix) -> np.ndarray:
        """What users' vectors, whose weights are 1, are multiplied by for another mix of the same models: (width,)."""
        widths = (self.als.shape[1], self.ease.shape[1], int(self.mix.popularity > 0))
        return np.repeat(np.array([mix.als, mix.ease, mix.popularity], np.float32), widths)

    def users(self, likes: sp.csr_matrix, config: ModelConfig) -> np.ndarray:
        """The vectors of users by their likes (users, movies): (users, width); zeros for who liked nothing."""
        parts = []
        if self.mix.als:
            parts.append(self.mix.als * solver.solve_rows(likes, self.als, config.ranking))
        return with_the_rest(parts, likes, self.adds, self.mix)

    def added(self, liked: np.ndarray, items: np.ndarray, config: ModelConfig) -> np.ndarray:
        """What each liked movie adds to the scores of some movies, for users who liked something: (u, n, m) float64.

        `liked` (u, n) and `items` (u, m) are positions of movies, -1 where a user has fewer.
        """
        added = np.zeros((*liked.shape, items.shape[1]))
        if self.mix.als:
            added += self.mix.als * solver.contributions(self.als, self._gram, liked, items, config.ranking)
        if self.mix.ease:
            own = np.where(liked[..., None] < 0, 0, self.adds[liked].astype(np.float64))
            added += self.mix.ease * (own @ self.ease[items].astype(np.float64).transpose(0, 2, 1))
        return added

    def besides(self, items: np.ndarray) -> np.ndarray:
        """What the scores of movies at some positions have of their popularity, for who has a vector."""
        share: np.ndarray = self.mix.popularity * self.vectors[items, -1].astype(np.float64)
        return share if self.mix.popularity else np.zeros(items.shape)

    @cached_property
    def _gram(self) -> np.ndarray:
        return solver.gram(self.als)


def fit_ranking(
    likes: sp.csr_matrix, counts: np.ndarray, config: ModelConfig, factorize: Factorize
) -> tuple[np.ndarray, RankingItems]:
    """The side of users, (users, width), and that of movies, by likes (users, movies) and ratings of each movie."""
    users, items, adds = [], [], np.zeros((likes.shape[1], 0), np.float32)
    if config.mix.als:
        user_factors, item_factors = factorize(likes, config.ranking)
        users.append(config.mix.als * user_factors)
        items.append(item_factors)
    if config.mix.ease:
        ease = fit_ease(likes, config.ease)
        adds = ease.adds
        items.append(ease.items)
    return with_the_rest(users, likes, adds, config.mix), items_of(items, adds, counts, config.mix)


def items_of(factors: list[np.ndarray], adds: np.ndarray, counts: np.ndarray, mix: Mix) -> RankingItems:
    """The side of movies by their factors of each model, and by how many users rated each."""
    if mix.popularity:
        factors = [*factors, log_popularity(counts)[:, None]]
    return RankingItems(np.hstack(factors), adds, mix)


def with_the_rest(als: list[np.ndarray], likes: sp.csr_matrix, adds: np.ndarray, mix: Mix) -> np.ndarray:
    """The vectors of users, whose part of ALS is there where the mix has it."""
    parts = list(als)
    if mix.ease:
        parts.append(np.float32(mix.ease) * (likes @ adds))
    if mix.popularity:  # who liked nothing keeps zeros, and is served by popularity alone
        parts.append(np.where(np.diff(likes.indptr) > 0, mix.popularity, 0)[:, None])
    return np.hstack(parts, dtype=np.float32, casting="unsafe") if parts else np.zeros((likes.shape[0], 0), np.float32)


def log_popularity(counts: np.ndarray) -> np.ndarray:
    """The logarithm of how many users rated each movie, as a share of the greatest: (movies,) float32, 0 to 1."""
    logarithms = np.log1p(counts.astype(np.float64))
    popularity: np.ndarray = (logarithms / logarithms.max(initial=1e-9)).astype(np.float32)
    return popularity

"""What an ALS version is trained with: its two parts, and what its lists are ordered by. Pure."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.biases import USUAL, Penalties

RankingModel = Literal["auto", "als", "ease"]


@dataclass(frozen=True)
class EaseConfig:
    """Hyperparameters of EASE: its penalty, the rank that its weights are kept at, and of how many movies it is made.

    It takes a matrix of movies by movies, so beyond `max_movies` it knows the most liked alone.
    """

    reg_param: float = 200.0
    rank: int = 128
    max_movies: int = 5000


@dataclass(frozen=True)
class Mix:
    """How much of a list's score comes from each: ALS's score, EASE's, and the logarithm of popularity (0 to 1)."""

    als: float = 1.0
    ease: float = 0.0
    popularity: float = 0.0


@dataclass(frozen=True)
class Liking:
    """What the score that orders movies says of stars: `stars` for each 1.0 by which it is above `usual`.

    Which movies a user chose to rate and liked says something of the others' stars that the stars alone don't:
    the implicit feedback of SVD++, Koren (2008), "Factorization Meets the Neighborhood", section 4.
    """

    stars: float = 0.0
    usual: float = 0.0

    def added(self, users: np.ndarray, movies: np.ndarray) -> np.ndarray:
        """What it adds to the stars of n pairs, by the ranking part's vectors (n, width): (n,) float32.

        Nothing for users who liked nothing, whose vectors are zeros.
        """
        if not self.stars:
            return np.zeros(len(users), np.float32)
        scores = np.einsum("ij,ij->i", users, movies)
        added: np.ndarray = np.where(users.any(axis=1), self.stars * (scores - self.usual), 0).astype(np.float32)
        return added


@dataclass(frozen=True)
class ModelConfig:
    """Hyperparameters of both parts.

    The defaults are what versions were that don't name these: ALS alone orders movies, and all factors count.

    Attributes:
        rating: Of the factors that predict stars.
        ranking: Of the factors of ALS that order movies.
        like_threshold: A rating of at least so many stars is a like, which the ranking part learns from.
        ease: Of the other model that orders movies.
        model: What may order movies: one of them, or what does best on a slice of the training ratings.
        mix: What orders movies.
        shrinkage: What the product of the rating part's factors is multiplied by, before it is added to the biases.
        liking: What the ranking part's score adds to the stars.
        penalties: Of the biases.
        reg_params: Other penalties of the rating part's factors that a training may settle on.
    """

    rating: ExplicitAls
    ranking: ImplicitAls
    like_threshold: float
    ease: EaseConfig = EaseConfig()
    model: RankingModel = "als"
    mix: Mix = Mix()
    shrinkage: float = 1.0
    liking: Liking = Liking()
    penalties: Penalties = USUAL
    reg_params: tuple[float, ...] = ()

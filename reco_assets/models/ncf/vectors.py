"""A trained network as it answers: one vector for each user and movie, and the layers above the first, in numpy."""

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Vectors:
    """What the network knows of s users or movies, float32: `product` (s, k), and `first` (s, h) of its first layer."""

    product: np.ndarray
    first: np.ndarray

    def __len__(self) -> int:
        return len(self.product)

    def at(self, rows: np.ndarray | int) -> "Vectors":
        """Those of some rows."""
        return Vectors(self.product[rows], self.first[rows])

    @property
    def joined(self) -> np.ndarray:
        """Both parts side by side: (s, k + h)."""
        return np.concatenate([self.product, self.first], axis=-1)

    @classmethod
    def parted(cls, joined: np.ndarray, factors: int) -> Self:
        """What `joined` put side by side."""
        both = joined.astype(np.float32)
        return cls(both[:, :factors], both[:, factors:])


@dataclass(frozen=True)
class Tower:
    """The layers above the first: second (h, h2), second_bias (h2,), out (h2,), and the bias of all scores, ()."""

    second: np.ndarray
    second_bias: np.ndarray
    out: np.ndarray
    bias: np.ndarray

    def scores(self, users: Vectors, movies: Vectors) -> np.ndarray:
        """Scores of pairs; one row of either side may stand for all: (n,) float32."""
        product = np.einsum("...k,...k->...", users.product, movies.product)
        scores: np.ndarray = product + self.network(users, movies)
        return scores

    def network(self, users: Vectors, movies: Vectors) -> np.ndarray:
        """The part of the scores that the layers add, with the bias."""
        first = np.maximum(users.first + movies.first, 0)
        second = np.maximum(first @ self.second + self.second_bias, 0)
        added: np.ndarray = second @ self.out + self.bias
        return added


def taken_apart(parameters: dict[str, np.ndarray], features: np.ndarray) -> tuple[Vectors, Vectors, Tower]:
    """Users, movies and tower of trained parameters; features (m, b) as they were trained with.

    The first layer is a sum of both sides, so each side keeps its own part of it.
    """
    users = Vectors(
        parameters["user_product"] * parameters["product_out"],
        parameters["user_factors"] @ parameters["first_user"] + parameters["first_bias"],
    )
    movies = Vectors(
        parameters["movie_product"],
        parameters["movie_factors"] @ parameters["first_movie"] + features @ parameters["first_features"],
    )
    above = (parameters[name] for name in ("second", "second_bias", "second_out", "bias"))
    return users, movies, Tower(*above)

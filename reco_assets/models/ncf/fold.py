"""Users the network was not trained on: their vectors from the movies they rated, by a map that its own users taught.

The map is a ridge regression from the mean of a user's movies' vectors to the user's own, over all users of training.
Training one more user would need the gradient of the whole network, and JAX where models are served.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp

from reco_assets.models.ncf.vectors import Vectors

PENALTY = 1.0


@dataclass(frozen=True)
class Fold:
    """A user is offset (d,) + mean of movies (d,) @ weights (d, d), in float64, with d = k + h numbers per vector."""

    weights: np.ndarray
    offset: np.ndarray

    @classmethod
    def fit(cls, users: Vectors, movies: Vectors, rated: sp.csr_matrix) -> Self:
        """Learn it from trained users, who all rated something; `rated` (users, movies) has an entry a rating."""
        means, wanted = _means(movies, rated), users.joined.astype(np.float64)
        centre, offset = means.mean(axis=0), wanted.mean(axis=0)
        inputs = means - centre
        normal = inputs.T @ inputs + PENALTY * np.eye(inputs.shape[1])
        weights = np.linalg.solve(normal, inputs.T @ (wanted - offset))
        return cls(weights, offset - centre @ weights)

    def vectors(self, movies: Vectors, rated: sp.csr_matrix) -> Vectors:
        """The vectors of (users, movies) ratings; zeros for a user without any."""
        folded = _means(movies, rated) @ self.weights + self.offset
        folded[np.diff(rated.indptr) == 0] = 0
        return Vectors.parted(folded, movies.product.shape[1])

    def products(self, movies: Vectors, liked: np.ndarray, movie: int) -> tuple[np.ndarray, float]:
        """What each of n rated movies adds to the product of a folded-in user and a movie, and what is every user's."""
        k = movies.product.shape[1]
        towards = movies.product[movie].astype(np.float64)
        added: np.ndarray = movies.at(liked).joined @ (self.weights[:, :k] @ towards) / len(liked)
        return added, float(self.offset[:k] @ towards)


def _means(movies: Vectors, rated: sp.csr_matrix) -> np.ndarray:
    ones = sp.csr_matrix((np.ones(rated.nnz), rated.indices, rated.indptr), rated.shape)
    means: np.ndarray = (ones @ movies.joined.astype(np.float64)) / np.maximum(np.diff(rated.indptr), 1)[:, None]
    return means

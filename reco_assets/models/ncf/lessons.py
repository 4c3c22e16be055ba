"""What a network learns from, as arrays: ratings as positions, and the features of the movies."""

import hashlib
from dataclasses import dataclass
from typing import Self

import numpy as np

from reco_assets.models.ratings import Ratings, known_positions


@dataclass(frozen=True)
class Catalogue:
    """The m movies that can be recommended: movie_ids (m,) sorted, features (m, b) float32 as they are; b may be 0."""

    movie_ids: np.ndarray
    features: np.ndarray

    @classmethod
    def without_features(cls, movie_ids: np.ndarray) -> Self:
        """Movies of which nothing is known but who rated them."""
        return cls(movie_ids, np.zeros((len(movie_ids), 0), np.float32))

    def and_those_of(self, movie_ids: np.ndarray) -> "Catalogue":
        """These and others; an undescribed one has the mean of each feature."""
        missing = np.setdiff1d(movie_ids, self.movie_ids)
        mean = self.features.mean(axis=0) if len(self.features) else np.zeros(self.features.shape[1])
        ids = np.concatenate([self.movie_ids, missing])
        features = np.concatenate([self.features, np.tile(mean, (len(missing), 1))]).astype(np.float32)
        order = np.argsort(ids)
        return Catalogue(ids[order], features[order])


@dataclass(frozen=True)
class Lessons:
    """n ratings of m movies.

    Attributes:
        user: (n,) int32, positions among the users.
        movie: (n,) int32, positions among the movies.
        users: How many users there are.
        features: (m, b) float32, each movie's, with mean 0 and deviation 1.
    """

    user: np.ndarray
    movie: np.ndarray
    users: int
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.user)

    @property
    def movies(self) -> int:
        """How many movies there are."""
        return len(self.features)

    @classmethod
    def of(cls, ratings: Ratings, user_ids: np.ndarray, catalogue: Catalogue) -> Self:
        """Positions among sorted ids. Raises `KeyError` on a movie that isn't in the catalogue."""
        movie = known_positions(catalogue.movie_ids, ratings.movie_id).astype(np.int32)
        user = np.searchsorted(user_ids, ratings.user_id).astype(np.int32)
        return cls(user, movie, len(user_ids), _standardised(catalogue.features))

    def digest(self) -> str:
        """A name of all of it: the same for the same arrays alone."""
        found = hashlib.blake2b(str(self.users).encode(), digest_size=16)
        for array in (self.user, self.movie, self.features):
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()


def _standardised(features: np.ndarray) -> np.ndarray:
    """Each column with mean 0 and deviation 1; one that says nothing with zeros."""
    deviation = features.std(axis=0)
    standard: np.ndarray = (features - features.mean(axis=0)) / np.where(deviation < 1e-6, 1, deviation)
    return standard.astype(np.float32)

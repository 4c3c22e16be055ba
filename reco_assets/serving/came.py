"""What users said who came since the champion's training: their lists are solved from it when they ask."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from reco_assets.models.ratings import Ratings, positions
from resources.arrays import mapped_array, new_array

ARRAYS = ("users", "ends", "movies", "stars")


@dataclass(frozen=True)
class Came:
    """users (u,) int32, sorted; at i, movies[ends[i] : ends[i + 1]] have the stars at the same places.

    It is all that these users said and that counts, from before they came, too.
    """

    users: np.ndarray
    ends: np.ndarray
    movies: np.ndarray
    stars: np.ndarray

    def holds(self, user: int) -> bool:
        """Whether the user came."""
        return bool((positions(self.users, np.array([user])) >= 0).all())

    def of(self, user: int) -> Ratings:
        """The user's ratings; none of who didn't come."""
        (at,) = positions(self.users, np.array([user]))
        own = slice(self.ends[at], self.ends[at + 1]) if at >= 0 else slice(0)
        movies = self.movies[own]
        return Ratings(np.full(len(movies), user, np.int32), movies, self.stars[own])

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `write_came` wrote."""
        return cls(*(mapped_array(folder / f"{name}.npy") for name in ARRAYS))


def write_came(ratings: Ratings, folder: Path) -> None:
    """Write the arrays of `Came` into a folder; each user's ratings lie together, in the order of users."""
    users, counts = np.unique(ratings.user_id, return_counts=True)
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    for name, values in zip(ARRAYS, (users, ends, ratings.movie_id, ratings.rating), strict=True):
        new_array(folder / f"{name}.npy", values.dtype, values.shape)[:] = values

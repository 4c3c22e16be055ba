"""What test ratings are sliced by: how much of a user and of a movie was rated in training, popularity, genre. Pure.

Nothing here needs times, so any source can be sliced so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from reco_assets.models.ratings import positions

Slice = tuple[str, str]  # what is sliced by, and which of these slices
EVERYTHING: Slice = ("all", "all")
NEW = 10  # with so many training ratings or fewer a user or a movie is new; with none it is cold
# "Short head" are the most rated movies that have a third of all ratings: Cremonesi, Koren & Turrin (2010),
# "Performance of Recommender Algorithms on Top-N Recommendation Tasks", section 3.
HEAD = 1 / 3
DECILES = 10


@dataclass(frozen=True)
class Slicing:
    """How users and m movies are sliced, by all that was trained on.

    edges (9,): the most training ratings that users of each decile but the last have; movie_id (m,) sorted.
    The rest has a row more, of movies that are not there: count (m + 1,) training ratings, head (m + 1,) bool,
    of_genre (m + 1, genres) bool.
    """

    edges: np.ndarray
    movie_id: np.ndarray
    count: np.ndarray
    head: np.ndarray
    genres: tuple[str, ...]
    of_genre: np.ndarray

    @classmethod
    def of(
        cls,
        activity: tuple[np.ndarray, np.ndarray],
        rated: tuple[np.ndarray, np.ndarray],
        genres: Mapping[int, Sequence[str]],
    ) -> Self:
        """Slice by what was counted in training.

        Args:
            activity: Numbers of ratings of a user, and how many users have each, (n,) both.
            rated: Movies, and how many ratings each has, (r,) both.
            genres: Of each movie, also of those without a rating.
        """
        movie_id = np.union1d(rated[0], np.fromiter(genres, np.int64, len(genres))).astype(np.int32)
        count = np.zeros(len(movie_id) + 1, np.int64)
        count[positions(movie_id, rated[0])] = rated[1]
        names = tuple(sorted({name for of_movie in genres.values() for name in of_movie}))
        column = {name: at for at, name in enumerate(names)}
        of_genre = np.zeros((len(movie_id) + 1, len(names)), bool)
        for row, movie in enumerate(movie_id.tolist()):
            of_genre[row, [column[name] for name in genres.get(movie, ())]] = True
        return cls(_edges(*activity), movie_id, count, _head(count), names, of_genre)

    def rows(self, movie_id: np.ndarray) -> np.ndarray:
        """Where each of n movies has its row, (n,); the last is of those that are not there."""
        at = positions(self.movie_id, movie_id)
        return np.where(at < 0, len(self.movie_id), at)

    def of_users(self, count: np.ndarray) -> dict[Slice, np.ndarray]:
        """Which of n users, who have so many training ratings, are in each slice: (n,) bool."""
        decile = np.searchsorted(self.edges, count) + 1
        return {
            EVERYTHING: np.ones(len(count), bool),
            **{("activity decile", str(at)): (decile == at) & (count > 0) for at in range(1, DECILES + 1)},
            **_by_count("user", count),
        }

    def of_movies(self, rows: np.ndarray) -> dict[Slice, np.ndarray]:
        """Which of n movies, given by their rows, are in each slice: (n,) bool; one may be in several genres."""
        head, rated = self.head[rows], self.count[rows] > 0
        return {
            ("popularity", "head"): head,
            ("popularity", "tail"): ~head & rated,
            **_by_count("movie", self.count[rows]),
            **{("genre", name): self.of_genre[rows, at] for at, name in enumerate(self.genres)},
        }


def _by_count(side: str, count: np.ndarray) -> dict[Slice, np.ndarray]:
    return {(side, "cold"): count == 0, (side, "new"): (count > 0) & (count <= NEW), (side, "old"): count > NEW}


def _edges(number: np.ndarray, users: np.ndarray) -> np.ndarray:
    order = np.argsort(number)
    until = np.cumsum(users[order])
    if not len(order):
        return np.zeros(DECILES - 1, np.int64)
    wanted = np.ceil(until[-1] * np.arange(1, DECILES) / DECILES)
    edges: np.ndarray = number[order][np.searchsorted(until, wanted)]
    return edges


def _head(count: np.ndarray) -> np.ndarray:
    """Which movies are the fewest that have their share of the ratings; of equally many the smaller id."""
    order = np.argsort(-count, kind="stable")
    before = np.cumsum(count[order]) - count[order]
    head = np.zeros(len(count), bool)
    head[order[before < HEAD * count.sum()]] = True
    return head

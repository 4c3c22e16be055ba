"""What speaks for a movie for a user. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from reco_assets.models.ratings import Ratings

NO_MOVIE = -1


@dataclass(frozen=True)
class Part:
    """One part of a score: what it comes from, how much it adds, and which of the user's movies it is, if it is one."""

    name: str
    value: float
    movie_id: int | None = None


@dataclass(frozen=True)
class Explanation:
    """What speaks for a movie for a user: the parts of the score that it has in the user's list, greatest first."""

    parts: tuple[Part, ...]

    @property
    def score(self) -> float:
        """The sum of the parts."""
        return sum(part.value for part in self.parts)


@dataclass(frozen=True)
class Reasons:
    """Which of the user's own movies add most to the score of each movie of a list: u lists of m movies, n reasons.

    Attributes:
        movie_id: (u, m, n) int32, the greatest part first; `NO_MOVIE` where fewer add anything.
        share: (u, m, n) float32, the part of the score that each adds. Other movies of the user may take from the
            score, so shares may add up to more than 1.
    """

    movie_id: np.ndarray
    share: np.ndarray

    @classmethod
    def none(cls, lists: np.ndarray, n: int) -> "Reasons":
        """Lists (u, m) for which nothing of the users' own speaks."""
        shape = (*lists.shape, n)
        return cls(np.full(shape, NO_MOVIE, np.int32), np.zeros(shape, np.float32))

    def put(self, rows: np.ndarray, movie_id: np.ndarray, added: np.ndarray, scores: np.ndarray) -> None:
        """Fill in some lists.

        Args:
            rows: Which lists, (b,).
            movie_id: The movies of each user, (b, k).
            added: What each of them adds to the score of each movie of the list, (b, k, m).
            scores: The scores of the movies of the lists, (b, m); nothing is said of one that isn't above 0, since a
                share of it would mean nothing.
        """
        greatest = np.argsort(-added, axis=1, kind="stable")[:, : self.movie_id.shape[2]]
        value = np.take_along_axis(added, greatest, axis=1)
        speaks = (value > 0) & (scores > 0)[:, None, :]
        shares = np.where(speaks, value / np.where(scores > 0, scores, 1)[:, None, :], 0)
        movies = np.where(speaks, np.take_along_axis(movie_id[:, :, None], greatest, axis=1), NO_MOVIE)
        found = greatest.shape[1]
        self.movie_id[rows, :, :found] = movies.transpose(0, 2, 1)
        self.share[rows, :, :found] = shares.transpose(0, 2, 1)


def reasons_one_by_one(
    explain: Callable[[int, int, Ratings], Explanation],
    user_id: np.ndarray,
    movie_id: np.ndarray,
    seen: Ratings,
    n: int,
) -> Reasons:
    """The n strongest reasons for the movies (u, m) of lists of users (u,), by what `explain` says of each pair."""
    found = Reasons.none(movie_id, n)
    order = np.argsort(seen.user_id, kind="stable")
    sides = [np.searchsorted(seen.user_id, user_id, side, order) for side in ("left", "right")]
    for row, (user, first, end) in enumerate(zip(user_id, *sides, strict=True)):
        own = seen.where(order[first:end])
        for place in np.flatnonzero(movie_id[row] != NO_MOVIE):
            told = explain(int(user), int(movie_id[row, place]), own)
            parts = [part for part in told.parts if part.movie_id is not None and part.value > 0][:n]
            if told.score > 0:
                found.movie_id[row, place, : len(parts)] = [part.movie_id for part in parts]
                found.share[row, place, : len(parts)] = [part.value / told.score for part in parts]
    return found

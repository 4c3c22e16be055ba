"""Ratings of batches in the order of their arrival, as integer counts that add up: all that a drift report reads. Pure.

Every array has the batch's position in its first column and is sorted by it, so the newest batches are the end of the
array. Batches whose difference no longer matters can be added up under one position; nothing else changes by it.
"""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from reco_assets.drift.histograms import PREDICTIONS, RATINGS, UserHistogram, of_counts
from reco_assets.drift.measures import Errors, Occurrences
from reco_assets.models.interface import Recommender
from reco_assets.models.ratings import Ratings

# Squared errors are added up in these units, as integers: sums of floats would depend on the order of the batches.
UNITS = 1e9


@dataclass(frozen=True)
class ScoredRatings:
    """n test ratings beside the champion's predictions, all (n,): ids, stars, stars, and whether the pair is warm."""

    user_id: np.ndarray
    rating: np.ndarray
    predicted: np.ndarray
    warm: np.ndarray

    @classmethod
    def of(cls, model: Recommender, ratings: Ratings) -> "ScoredRatings":
        """Let a model predict the ratings."""
        pairs = ratings.user_id, ratings.movie_id
        return cls(ratings.user_id, ratings.rating, model.predict(*pairs), model.knows(*pairs))


@dataclass(frozen=True)
class Cells:
    """Counts of training ratings, of warm test predictions and of movies; int64, sorted by position.

    `train` (k, 4): position, user, half star, rows. `warm` (k, 5): position, user, hundredth of the prediction, rows,
    sum of squared errors in 1e-9 stars². `movies` (k, 3): position, movie, rows.
    """

    train: np.ndarray
    warm: np.ndarray
    movies: np.ndarray

    def then(self, newer: "Cells") -> "Cells":
        """These and those of later positions."""
        return Cells(*(np.concatenate([getattr(part, each.name) for part in (self, newer)]) for each in fields(self)))

    def between(self, start: int, end: int) -> "Cells":
        """Those of the positions from start, before end."""
        return Cells(*(_between(getattr(self, each.name), start, end) for each in fields(self)))

    def compacted(self, starts: np.ndarray) -> "Cells":
        """Add up all positions from one of the starts (sorted, the first is 0) to before the next, under that start."""
        return Cells(_add_up(self.train, 3, starts), _add_up(self.warm, 3, starts), _add_up(self.movies, 2, starts))

    @cached_property
    def ratings(self) -> UserHistogram:
        """Training ratings per user."""
        return of_counts(RATINGS, *self.train.T[1:])

    @cached_property
    def predictions(self) -> UserHistogram:
        """The champion's predictions of warm pairs per user."""
        return of_counts(PREDICTIONS, *self.warm.T[1:4])

    @property
    def errors(self) -> Errors:
        """Squared errors of warm pairs per user."""
        return Errors.of(self.warm.T[1], self.warm.T[3], self.warm.T[4] / UNITS)

    @property
    def rated_movies(self) -> Occurrences:
        """How often each movie is rated in the training ratings."""
        movies, of = np.unique(self.movies.T[1], return_inverse=True)
        return Occurrences(movies, np.bincount(of, self.movies.T[2], len(movies)).astype(np.int64))


def no_cells() -> Cells:
    """Those of no batch."""
    return Cells(*(np.empty((0, width), np.int64) for width in (4, 5, 3)))


def count_batches(
    train_at: np.ndarray, train: Ratings, test_at: np.ndarray, test: ScoredRatings, first: int = 0
) -> Cells:
    """Count ratings by batch: the position of each of n training and m test ratings, (n,) and (m,), in any order.

    `first`: what to add to every position. Raises `HistogramError` where a rating or prediction is not a number.
    """
    one = np.ones(len(train), np.int64)
    warm = test.warm.astype(bool)
    squared = (test.rating[warm].astype(np.float64) - test.predicted[warm]) ** 2
    return Cells(
        _add_up(_columns(train_at + first, train.user_id, RATINGS.nearest(train.rating), one), 3),
        _add_up(
            _columns(
                test_at[warm] + first,
                test.user_id[warm],
                PREDICTIONS.nearest(test.predicted[warm]),
                np.ones(warm.sum(), np.int64),
                np.rint(squared * UNITS),
            ),
            3,
        ),
        _add_up(_columns(train_at + first, train.movie_id, one), 2),
    )


def cells_of(train: UserHistogram, test: ScoredRatings, movies: Occurrences) -> Cells:
    """Ratings that are one side of a comparison, under position 0."""
    none = np.empty(0, np.int64)
    counted = count_batches(none, Ratings(none, none, none), np.zeros(len(test.user_id), np.int64), test)
    counts = train.counts.tocoo()
    order = np.lexsort((counts.col, counts.row))
    zeros = np.zeros(len(order), np.int64)
    ratings = _columns(zeros, train.user_id[counts.row[order]], counts.col[order], counts.data[order])
    return Cells(ratings, counted.warm, _columns(np.zeros(len(movies.ids), np.int64), movies.ids, movies.rows))


def by_position(cells: np.ndarray, positions: np.ndarray, size: int) -> np.ndarray:
    """Add up cells (k, 4: position, id, value below size, rows): rows per position and value, (positions, size)."""
    at = np.searchsorted(positions, cells.T[0]) * size + cells.T[2]
    found = np.bincount(at, cells.T[3], len(positions) * size).astype(np.int64)
    return found.reshape(len(positions), size)


def _columns(*columns: np.ndarray) -> np.ndarray:
    return np.stack([column.astype(np.int64) for column in columns], axis=1)


def _between(cells: np.ndarray, start: int, end: int) -> np.ndarray:
    low, high = np.searchsorted(cells.T[0], (start, end))
    return cells[low:high]


def _add_up(cells: np.ndarray, keys: int, starts: np.ndarray | None = None) -> np.ndarray:
    """Cells with the same keys (the first columns) become one; the other columns are added up."""
    if starts is not None and len(cells):
        position = starts[np.searchsorted(starts, cells.T[0], side="right") - 1]
        cells = np.column_stack([position, cells[:, 1:]])
    if not len(cells):
        return cells
    ordered = cells[np.lexsort(cells.T[:keys][::-1])]
    new = np.ones(len(ordered), bool)
    new[1:] = (ordered[1:, :keys] != ordered[:-1, :keys]).any(axis=1)
    first = np.flatnonzero(new)
    return np.column_stack([ordered[first, :keys], np.add.reduceat(ordered[:, keys:], first)])

"""Integer histograms per user: all that the drift statistics know of a table. Pure.

Counts add up exactly, so a histogram, and whatever is computed from it, cannot depend on the order of the rows or on
how they were partitioned; and 20 M ratings of 162,000 users shrink to at most 1.6 M counts.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from reco_assets.vocabulary import HIGHEST_RATING, LOWEST_RATING
from resources.errors import RecoError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class HistogramError(RecoError):
    """Values that no histogram can hold."""


@dataclass(frozen=True)
class Grid:
    """Equally spaced values from 0.5 to 5 stars, `per_star` of them to a star."""

    per_star: int

    @cached_property
    def centres(self) -> np.ndarray:
        """The values themselves, in stars: (f,) float64."""
        return LOWEST_RATING + np.arange(self.size) / self.per_star

    @property
    def size(self) -> int:
        """f, the number of values."""
        return round((HIGHEST_RATING - LOWEST_RATING) * self.per_star) + 1

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """The number of the value nearest to each of n: (n,) int64. Raises `HistogramError` on NaN and infinity."""
        values = np.asarray(values, np.float64)
        if not np.isfinite(values).all():
            raise HistogramError("A rating or prediction is not a number; drift can only be scored on numbers.")
        at: np.ndarray = np.floor((values - LOWEST_RATING) * self.per_star + 0.5).astype(np.int64)
        return at.clip(0, self.size - 1)


RATINGS = Grid(per_star=2)
PREDICTIONS = Grid(per_star=100)


@dataclass(frozen=True)
class UserHistogram:
    """How often each of u users has each of f values: user_id (u,) sorted, counts (u, f) int64, sparse."""

    grid: Grid
    user_id: np.ndarray
    counts: sp.csr_matrix

    @cached_property
    def total(self) -> np.ndarray:
        """Counts of all users together: (f,) int64."""
        return np.asarray(self.counts.sum(axis=0), np.int64).ravel()

    @cached_property
    def rows_per_user(self) -> np.ndarray:
        """(u,) int64."""
        return np.asarray(self.counts.sum(axis=1), np.int64).ravel()

    @property
    def rows(self) -> int:
        """How many values were counted."""
        return int(self.total.sum())

    @property
    def users(self) -> int:
        """u."""
        return len(self.user_id)

    def merge(self, other: "UserHistogram") -> "UserHistogram":
        """The histogram of both tables together; a user in both stays one user."""
        users = np.concatenate([np.repeat(part.user_id, np.diff(part.counts.indptr)) for part in (self, other)])
        values = np.concatenate([self.counts.indices, other.counts.indices])
        return of_counts(self.grid, users, values, np.concatenate([self.counts.data, other.counts.data]))


def of_values(grid: Grid, user_id: np.ndarray, value: np.ndarray) -> UserHistogram:
    """Count n values, user_id (n,) and value (n,) stars. Raises `HistogramError`."""
    return of_counts(grid, user_id, grid.nearest(value), np.ones(len(user_id), np.int64))


def of_frame(grid: Grid, frame: "DataFrame", column: str = "rating") -> UserHistogram:
    """The same of a frame with `user_id` and a column of stars, counted by the engine in one job.

    Raises `HistogramError`.
    """
    from pyspark.sql import functions as F

    stars = F.col(column).cast("double")
    # The expression of Grid.nearest: both round alike to the last bit, as each step is one IEEE operation.
    at = F.floor((stars - F.lit(LOWEST_RATING)) * F.lit(float(grid.per_star)) + F.lit(0.5))
    finite = stars.isNotNull() & ~F.isnan(stars) & (F.abs(stars) < F.lit(float("inf")))
    within = F.greatest(F.least(at, F.lit(grid.size - 1)), F.lit(0)).cast("int")
    counted = (
        frame.select("user_id", F.when(finite, within).alias("at"))
        .groupBy("user_id", "at")
        .agg(F.count(F.lit(1)).alias("n"))
        .toArrow()
    )
    if counted["at"].null_count:
        raise HistogramError(f"Column {column} holds values that are not numbers; drift can only be scored on numbers.")
    return of_counts(grid, *(counted[name].to_numpy() for name in ("user_id", "at", "n")))


def of_counts(grid: Grid, user_id: np.ndarray, at: np.ndarray, counts: np.ndarray) -> UserHistogram:
    """Add up counts that are given per user and value: user_id, at (the value's number), counts, all (n,)."""
    users, rows = np.unique(user_id, return_inverse=True)
    matrix = sp.coo_matrix((counts.astype(np.int64), (rows, at)), (len(users), grid.size)).tocsr()
    matrix.sort_indices()
    return UserHistogram(grid, users, matrix)

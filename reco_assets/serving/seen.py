"""What each user has rated, as arrays that processes share: lists leave it out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa

from reco_assets.models.ratings import Ratings, positions
from resources.arrays import mapped_array, new_array

Batches = Callable[[], Iterable[pa.RecordBatch]]
COLUMNS = ("user_id", "movie_id")


@dataclass(frozen=True)
class Seen:
    """users (u,) int32, sorted; the movies of the user at i are movies[ends[i] : ends[i + 1]], in any order."""

    users: np.ndarray
    ends: np.ndarray
    movies: np.ndarray

    def of(self, user: int) -> Ratings:
        """The user's movies, without stars; none of a user who never rated."""
        (at,) = positions(self.users, np.array([user]))
        movies = self.movies[self.ends[at] : self.ends[at + 1]] if at >= 0 else self.movies[:0]
        return Ratings(np.full(len(movies), user, np.int32), movies, np.zeros(len(movies), np.float32))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `write_seen` wrote."""
        return cls(*(mapped_array(folder / f"{name}.npy") for name in ("users", "ends", "movies")))


def write_seen(batches: Batches, folder: Path) -> None:
    """Write the arrays of `Seen`.

    In memory are 20 bytes a user and one batch, however many ratings there are.

    Args:
        batches: Gives the ratings, `COLUMNS`, anew each time it is called, in the same order or another.
        folder: Where the arrays are to lie.
    """
    counts = _counts(batches())
    users = counts["user_id"].to_numpy()
    ends = np.concatenate([[0], np.cumsum(counts["ratings"].to_numpy())]).astype(np.int64)
    for name, values in (("users", users), ("ends", ends)):
        new_array(folder / f"{name}.npy", values.dtype, values.shape)[:] = values
    movies, free = new_array(folder / "movies.npy", np.int32, (int(ends[-1]),)), ends[:-1].copy()
    for batch in batches():
        at = positions(users, batch["user_id"].to_numpy())
        order = np.argsort(at, kind="stable")
        of_user, first, many = np.unique(at[order], return_index=True, return_counts=True)
        place = np.repeat(free[of_user] - first, many) + np.arange(len(order))
        movies[place] = batch["movie_id"].to_numpy()[order]
        free[of_user] += many


def _counts(batches: Iterable[pa.RecordBatch]) -> pa.Table:
    """How often each user rated, sorted by user_id."""
    total = pa.table({"user_id": pa.array([], pa.int32()), "ratings": pa.array([], pa.int64())})
    for batch in batches:
        found = pa.table({"user_id": batch["user_id"], "ratings": np.ones(len(batch), np.int64)})
        summed = pa.concat_tables([total, found]).group_by("user_id", use_threads=False).aggregate([("ratings", "sum")])
        total = summed.rename_columns(["user_id", "ratings"])
    return total.sort_by("user_id")

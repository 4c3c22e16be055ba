"""What test ratings are sliced by, read from the lakehouse: in memory or by the engine, the same numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from reco_assets.models.judging.slicing import Slicing
from reco_assets.models.ratings import Ratings
from reco_assets.tables import SILVER_MOVIES, TRAIN_RATINGS
from resources.tables.lakehouse import Lakehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Counts:
    """Numbers of ratings of a user, and how many users have each; movies, and how many ratings each has: (n,) all."""

    activity: tuple[np.ndarray, np.ndarray]
    rated: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, ratings: Ratings) -> Self:
        """Count ratings that are in memory."""
        of_user = np.unique_counts(ratings.user_id).counts
        return cls(np.unique(of_user, return_counts=True), np.unique(ratings.movie_id, return_counts=True))


def count_ratings(lakehouse: Lakehouse, version: int | None) -> Counts:
    """Count a version of the training ratings by the engine: the driver gets a row for each movie, none for users."""
    train = lakehouse.read(TRAIN_RATINGS.name, version)
    of_user = train.groupBy("user_id").count().withColumnRenamed("count", "ratings")
    return Counts(_counted(of_user, "ratings"), _counted(train, "movie_id"))


def slicing_of(lakehouse: Lakehouse, counts: Counts) -> Slicing:
    """Slice by these counts and by the genres of silver/movies; by no genre where that isn't there."""
    return Slicing.of(counts.activity, counts.rated, _genres(lakehouse))


def _counted(frame: "DataFrame", column: str) -> tuple[np.ndarray, np.ndarray]:
    found = frame.groupBy(column).count().toArrow()
    return found[column].to_numpy(), found["count"].to_numpy()


def _genres(lakehouse: Lakehouse) -> Mapping[int, Sequence[str]]:
    if not lakehouse.exists(SILVER_MOVIES.name):
        return {}
    movies = lakehouse.dataset(SILVER_MOVIES.name).to_table(["movie_id", "genres"])
    return {
        movie: genres or () for movie, genres in zip(*(column.to_pylist() for column in movies.columns), strict=True)
    }

"""The biases of both sides from a frame of ratings, as `models.biases` has them from a matrix. Pure.

Where the frame lies together by user, each sweep is one pass over it, and what comes to the driver is a number a movie.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.models.biases import BIAS_SWEEPS, Penalties
from reco_assets.models.ratings import positions

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


@dataclass(frozen=True)
class Movies:
    """The movies of a frame, sorted: ids, how many users rated each, their biases (float64), and the mean of all stars.

    `likes`: how many pairs there are with at least the stars of a like.
    """

    ids: np.ndarray
    counts: np.ndarray
    biases: np.ndarray
    mean: float
    likes: int


def by_pair(ratings: "DataFrame") -> "DataFrame":
    """The mean stars of each pair (user_id, movie_id, stars), all of a user together, in order of users."""
    from pyspark.sql import functions as F

    together = ratings.repartition("user_id").groupBy("user_id", "movie_id")
    return together.agg(F.avg("rating").cast("float").alias("stars")).sortWithinPartitions("user_id")


def fit_movies(pairs: "DataFrame", like_threshold: float, penalties: Penalties) -> Movies:
    """The biases of movies, beside those of users, in the order of `fit_biases`. `pairs` as of `by_pair`."""
    from pyspark.sql import functions as F

    found = pairs.groupBy("movie_id").agg(
        F.count("*").alias("count"),
        F.sum("stars").alias("stars"),
        F.sum((F.col("stars") >= like_threshold).cast("long")).alias("likes"),
    )
    rows = found.toArrow().sort_by("movie_id")
    ids, counts = rows["movie_id"].to_numpy(), rows["count"].to_numpy()
    stars = rows["stars"].to_numpy()
    mean = float(stars.sum() / counts.sum())
    sums, weight = stars - mean * counts, counts + penalties.item
    movies = Movies(ids, counts.astype(np.int32), sums / weight, mean, pac.sum(rows["likes"]).as_py())
    for _ in range(BIAS_SWEEPS - 1):
        rated = with_biases(pairs, movies, penalties)
        beside = rated.groupBy("movie_id").agg(F.sum("user_bias").alias("users")).toArrow()
        users = np.zeros(len(ids))
        users[positions(ids, beside["movie_id"].to_numpy())] = beside["users"].to_numpy()
        movies = Movies(ids, movies.counts, (sums - users) / weight, mean, movies.likes)
    return movies


def with_biases(pairs: "DataFrame", movies: Movies, penalties: Penalties) -> "DataFrame":
    """The pairs with movie_bias and user_bias, which follows from the movies' (double)."""
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    table = pa.table({"movie_id": movies.ids, "movie_bias": movies.biases})
    beside = F.broadcast(pairs.sparkSession.createDataFrame(table))
    of_user = Window.partitionBy("user_id")
    left = F.sum(F.col("stars") - movies.mean - F.col("movie_bias")).over(of_user)
    return pairs.join(beside, "movie_id").withColumn("user_bias", left / (F.count("*").over(of_user) + penalties.user))


def residual(movies: Movies) -> "Column":
    """What the biases leave of a row of `with_biases`, float."""
    from pyspark.sql import functions as F

    explained = movies.mean + F.col("user_bias").cast("float") + F.col("movie_bias").cast("float")
    return (F.col("stars") - explained).cast("float")

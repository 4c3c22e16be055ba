"""Fitting to a frame: both parts by MLlib, on whatever machines; the side of users stays a frame until it is saved."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from reco_assets.models.als.framed_biases import Movies, by_pair, fit_movies, residual, with_biases
from reco_assets.models.als.mllib import fit_mllib, movie_factors, with_user_factors
from reco_assets.models.als.recommender import ITEMS_FILE, USERS_FILE, AlsRecommender, ModelConfig
from reco_assets.models.columns import vectors
from reco_assets.models.framed import FramedRatings
from reco_assets.models.interface import NoRatingsError

if TYPE_CHECKING:
    from pyspark.ml.recommendation import ALSModel
    from pyspark.sql import DataFrame

NATIVE_FOLDER = "mllib"
RATING, RANKING = "rating", "ranking"
PART_USERS = 1_000_000  # of a file; with 114 factors it takes 460 MB
ROW_GROUP_BYTES = 8 << 20  # which is read whole for one user; 128 MB by default
SAMPLED_USERS = 20


@dataclass(frozen=True)
class Fitted:
    """A model whose users are a frame: `items` as of `ITEMS_FILE`, `users` as of `USERS_FILE`, both of all ids.

    `native` are MLlib's models by part; `asked` are some of the `count` users, from the first to the last.
    """

    config: ModelConfig
    mean: float
    items: pa.Table
    users: "DataFrame"
    native: "Mapping[str, ALSModel]"
    count: int
    asked: list[int]

    def of_some(self) -> AlsRecommender:
        """The model of the users in `asked` alone."""
        some = self.users.filter(self.users["user_id"].isin(self.asked)).toArrow()
        return AlsRecommender.of_sides(some, self.items, self.config, self.mean)

    def save(self, folder: Path, address: Callable[[Path], str]) -> Mapping[str, Any]:
        """Write a version's own files, users in parts, each by its worker; returns what model.json says beside them.

        `address` is a path as the engine takes it.
        """
        ordered = self.users.repartitionByRange(-(-self.count // PART_USERS), "user_id").sortWithinPartitions("user_id")
        ordered.write.option("parquet.block.size", ROW_GROUP_BYTES).parquet(address(folder / USERS_FILE))
        self.users.unpersist()
        pq.write_table(self.items, folder / ITEMS_FILE)
        self.save_native(folder, address)
        return {"config": self.config, "mean": self.mean}

    def save_native(self, folder: Path, address: Callable[[Path], str]) -> None:
        """Save MLlib's models as mllib/rating and mllib/ranking; their ids are those of users and movies."""
        (folder / NATIVE_FOLDER).mkdir(exist_ok=True)
        for name, model in self.native.items():
            model.write().overwrite().save(address(folder / NATIVE_FOLDER / name))


def fit_framed(ratings: FramedRatings, config: ModelConfig) -> Fitted:
    """Fit both parts. Raises `NoRatingsError`."""
    if len(ratings) == 0:
        raise NoRatingsError("There are no training ratings to fit a model to.")
    pairs = by_pair(ratings.frame).persist()  # read some 30 times
    try:
        movies = fit_movies(pairs, config.like_threshold)
        rated = with_biases(pairs, movies)
        native = dict(_native(rated, movies, config))
        users = _users(rated, native, config).persist()
        count, asked = _some_users(users)
    finally:
        pairs.unpersist()
    return Fitted(config, movies.mean, _items(movies, native, config), users, native, count, asked)


def _native(rated: "DataFrame", movies: Movies, config: ModelConfig) -> "Iterator[tuple[str, ALSModel]]":
    from pyspark.sql import functions as F

    ids = ("user_id", "movie_id")
    left = rated.select(*ids, residual(movies).alias("value"))
    yield RATING, fit_mllib(left, int(movies.counts.sum()), config.rating)
    if movies.likes:  # where nobody liked anything, MLlib would refuse, and there is nothing to learn
        liked = rated.filter(F.col("stars") >= config.like_threshold).select(*ids, F.lit(1.0).alias("value"))
        yield RANKING, fit_mllib(liked, movies.likes, config.ranking)


def _users(rated: "DataFrame", native: "Mapping[str, ALSModel]", config: ModelConfig) -> "DataFrame":
    from pyspark.sql import functions as F

    users = rated.groupBy("user_id").agg(F.first("user_bias").cast("float").alias("bias"))
    users = with_user_factors(users, native.get(RATING), config.rating.rank, "rating_factors")
    return with_user_factors(users, native.get(RANKING), config.ranking.rank, "ranking_factors")


def _some_users(users: "DataFrame") -> tuple[int, list[int]]:
    from pyspark.sql import functions as F

    at = [float(share) for share in np.linspace(0, 1, SAMPLED_USERS)]
    row = users.agg(F.count("*").alias("count"), F.percentile_approx("user_id", at).alias("asked")).toArrow()
    (found,) = row.to_pylist()
    return found["count"], sorted(set(found["asked"]))


def _items(movies: Movies, native: "Mapping[str, ALSModel]", config: ModelConfig) -> pa.Table:
    rating = movie_factors(native.get(RATING), movies.ids, config.rating.rank)
    ranking = movie_factors(native.get(RANKING), movies.ids, config.ranking.rank)
    return pa.table(
        {
            "movie_id": pa.array(movies.ids),
            "bias": pa.array(movies.biases.astype(np.float32)),
            "rating_count": pa.array(movies.counts),
            "rating_factors": vectors(rating),
            "ranking_factors": vectors(ranking),
        }
    )

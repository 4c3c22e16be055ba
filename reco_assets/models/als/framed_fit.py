"""Fitting to a frame: both parts by MLlib, on whatever machines; the side of users stays a frame until it is saved."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.framed_biases import Movies, by_pair, fit_movies, residual, with_biases
from reco_assets.models.als.framed_ranking import REST, ease_of, with_rest
from reco_assets.models.als.mllib import fit_mllib, movie_factors, with_user_factors
from reco_assets.models.als.ranking import RankingItems, items_of
from reco_assets.models.als.recommender import ADDS, ITEMS_FILE, USERS_FILE, AlsRecommender
from reco_assets.models.columns import vectors
from reco_assets.models.framed import TRIED_ON, FramedRatings
from reco_assets.models.interface import NoRatingsError

if TYPE_CHECKING:
    from pyspark.ml.recommendation import ALSModel
    from pyspark.sql import Column, DataFrame

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
    """Fit both parts; EASE's weights are learned in the driver. Raises `NoRatingsError`."""
    if len(ratings) == 0:
        raise NoRatingsError("There are no training ratings to fit a model to.")
    pairs = by_pair(ratings.frame).persist()  # read some 30 times
    try:
        movies = fit_movies(pairs, config.like_threshold, config.penalties)
        rated = with_biases(pairs, movies, config.penalties)
        native = dict(_native(rated, movies, config))
        ranking = _ranking(ratings, movies, native, config)
        users = _users(rated, movies, native, ranking.adds, config).persist()
        count, asked = _some_users(users)
    finally:
        pairs.unpersist()
    return Fitted(config, movies.mean, _items(movies, native, ranking, config), users, native, count, asked)


def _native(rated: "DataFrame", movies: Movies, config: ModelConfig) -> "Iterator[tuple[str, ALSModel]]":
    from pyspark.sql import functions as F

    ids = ("user_id", "movie_id")
    left = rated.select(*ids, residual(movies).alias("value"))
    yield RATING, fit_mllib(left, int(movies.counts.sum()), config.rating)
    if config.mix.als and movies.likes:  # without a like MLlib would refuse
        liked = rated.filter(F.col("stars") >= config.like_threshold).select(*ids, F.lit(1.0).alias("value"))
        yield RANKING, fit_mllib(liked, movies.likes, config.ranking)


def _ranking(
    ratings: FramedRatings, movies: Movies, native: "Mapping[str, ALSModel]", config: ModelConfig
) -> RankingItems:
    """The ranking part's side of movies. EASE is of all ratings, where they are few enough, else of some users'."""
    factors, adds = [], np.zeros((len(movies.ids), 0), np.float32)
    if config.mix.als:
        factors.append(movie_factors(native.get(RANKING), movies.ids, config.ranking.rank))
    if config.mix.ease:
        ease = ease_of(ratings.of_some_users(TRIED_ON, config.ranking.seed).ratings, movies.ids, config)
        factors.append(ease.items)
        adds = ease.adds
    return items_of(factors, adds, movies.counts, config.mix)


def _users(
    rated: "DataFrame", movies: Movies, native: "Mapping[str, ALSModel]", adds: np.ndarray, config: ModelConfig
) -> "DataFrame":
    from pyspark.sql import functions as F

    liked = F.collect_list(F.when(F.col("stars") >= config.like_threshold, F.col("movie_id")))
    users = rated.groupBy("user_id").agg(F.first("user_bias").cast("float").alias("bias"), liked.alias("liked"))
    users = with_rest(users, movies.ids, adds, config)
    users = with_user_factors(users, native.get(RATING), config.rating.rank, "rating_factors")
    users = users.withColumn("rating_factors", _times("rating_factors", config.shrinkage))
    if not config.mix.als:
        return users.withColumnRenamed(REST, "ranking_factors")
    users = with_user_factors(users, native.get(RANKING), config.ranking.rank, "als_factors")
    vectors = F.concat(_times("als_factors", config.mix.als), REST)
    return users.withColumn("ranking_factors", vectors).drop("als_factors", REST)


def _times(column: str, factor: float) -> "Column":
    """The numbers of a column of lists, each times a factor, as float32."""
    from pyspark.sql import functions as F

    return F.transform(column, lambda number: number * F.lit(factor).cast("float"))


def _some_users(users: "DataFrame") -> tuple[int, list[int]]:
    from pyspark.sql import functions as F

    at = [float(share) for share in np.linspace(0, 1, SAMPLED_USERS)]
    row = users.agg(F.count("*").alias("count"), F.percentile_approx("user_id", at).alias("asked")).toArrow()
    (found,) = row.to_pylist()
    return found["count"], sorted(set(found["asked"]))


def _items(movies: Movies, native: "Mapping[str, ALSModel]", ranking: RankingItems, config: ModelConfig) -> pa.Table:
    return pa.table(
        {
            "movie_id": pa.array(movies.ids),
            "bias": pa.array(movies.biases.astype(np.float32)),
            "rating_count": pa.array(movies.counts),
            "rating_factors": vectors(movie_factors(native.get(RATING), movies.ids, config.rating.rank)),
            "ranking_factors": vectors(ranking.vectors),
            **({ADDS: vectors(ranking.adds)} if config.mix.ease else {}),
        }
    )

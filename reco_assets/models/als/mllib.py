"""MLlib's ALS, for the Spark engine: the objective of `solver`, fitted by all workers."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from reco_assets.models.als.ranking import Factorize
from reco_assets.models.als.solver import AlsConfig, ImplicitAls
from reco_assets.models.ratings import positions
from resources.cores import usable_cores

if TYPE_CHECKING:
    from pyspark.ml.recommendation import ALSModel
    from pyspark.sql import DataFrame, SparkSession

BLOCK_RATINGS = 1_000_000  # at least: with 10 blocks for 2 cores 17.1 M ratings took 5.6 times as long as with 2


def fit_mllib(entries: "DataFrame", count: int, config: AlsConfig) -> "ALSModel":
    """Factorise a frame with user_id, movie_id and value; `count`: about how many rows it has, at least one."""
    from pyspark.ml.recommendation import ALS

    blocks = _blocks(entries.sparkSession, count)
    estimator = ALS(
        userCol="user_id",
        itemCol="movie_id",
        ratingCol="value",
        rank=config.rank,
        maxIter=config.max_iter,
        regParam=config.reg_param,
        implicitPrefs=isinstance(config, ImplicitAls),
        alpha=config.alpha if isinstance(config, ImplicitAls) else 1.0,  # which explicit data leave unread
        seed=config.seed,
        numUserBlocks=blocks,
        numItemBlocks=blocks,
        coldStartStrategy="nan",
    )
    return estimator.fit(entries)


def movie_factors(model: "ALSModel | None", movie_ids: np.ndarray, rank: int) -> np.ndarray:
    """The factors of sorted movies (movies, rank), float32; zeros for those that the model has not."""
    return _factors(model.itemFactors, movie_ids, rank) if model else np.zeros((len(movie_ids), rank), np.float32)


def with_user_factors(users: "DataFrame", model: "ALSModel | None", rank: int, column: str) -> "DataFrame":
    """The users (user_id, …) with the factors of a model in a column; zeros for those that it has not."""
    from pyspark.sql import functions as F

    zeros = F.array_repeat(F.lit(0.0).cast("float"), rank)
    if model is None:
        return users.withColumn(column, zeros)
    factors = model.userFactors.select(F.col("id").alias("user_id"), F.col("features").alias(column))
    return users.join(factors, "user_id", "left").withColumn(column, F.coalesce(column, zeros))


def on_matrices(session: "SparkSession") -> Factorize:
    """MLlib in the place of `solver.factorize`, for ratings that are in memory, such as a trial's."""

    def factorize(ratings: sp.csr_matrix, config: AlsConfig) -> tuple[np.ndarray, np.ndarray]:
        users, movies = (np.arange(size, dtype=np.int32) for size in ratings.shape)
        if ratings.nnz == 0:  # nobody liked anything: MLlib would refuse, and there is nothing to learn
            return np.zeros((len(users), config.rank), np.float32), np.zeros((len(movies), config.rank), np.float32)
        columns = {
            "user_id": np.repeat(users, np.diff(ratings.indptr)),
            "movie_id": ratings.indices.astype(np.int32),
            "value": ratings.data,
        }
        model = fit_mllib(session.createDataFrame(pa.table(columns)), ratings.nnz, config)
        return _factors(model.userFactors, users, config.rank), _factors(model.itemFactors, movies, config.rank)

    return factorize


def _blocks(session: "SparkSession", count: int) -> int:
    """One for each core, of which there are half as many as a shuffle has partitions, unless little comes to each."""
    cores = int(session.conf.get("spark.sql.shuffle.partitions") or 0) // 2
    return max(1, min(cores, max(usable_cores(), -(-count // BLOCK_RATINGS))))


def _factors(frame: "DataFrame", ids: np.ndarray, rank: int) -> np.ndarray:
    table, factors = frame.toArrow(), np.zeros((len(ids), rank), np.float32)
    vectors = table["features"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    factors[positions(ids, table["id"].to_numpy())] = vectors.reshape(-1, rank)
    return factors

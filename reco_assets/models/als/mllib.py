"""MLlib's ALS as the solver of the Spark engine, behind the same seam as the compiled one."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from reco_assets.models.als.solver import AlsConfig, ImplicitAls
from resources.cores import usable_cores

if TYPE_CHECKING:
    from pyspark.ml.recommendation import ALSModel
    from pyspark.sql import DataFrame, SparkSession

NATIVE_FOLDER = "mllib"


class MllibFactorizer:
    """Callable as `factorize(matrix, config)`; keeps the fitted models so that they are saved beside the factors."""

    def __init__(self, session: "SparkSession") -> None:
        self._session = session
        self._models: dict[str, ALSModel] = {}

    def __call__(self, ratings: sp.csr_matrix, config: AlsConfig) -> tuple[np.ndarray, np.ndarray]:
        """Factorise (users, items) into (users, rank) and (items, rank), float32; unseen rows are zero."""
        from pyspark.ml.recommendation import ALS

        if ratings.nnz == 0:  # nobody liked anything: MLlib would refuse, and there is nothing to learn
            users, items = ratings.shape
            return np.zeros((users, config.rank), np.float32), np.zeros((items, config.rank), np.float32)
        blocks = usable_cores()  # with MLlib's default of 10 blocks 17.1 M ratings took 5.6 times as long
        estimator = ALS(
            userCol="user",
            itemCol="item",
            ratingCol="rating",
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
        model = estimator.fit(self._frame(ratings))
        self._models["ranking" if isinstance(config, ImplicitAls) else "rating"] = model
        return (
            _factors(model.userFactors, ratings.shape[0], config.rank),
            _factors(model.itemFactors, ratings.shape[1], config.rank),
        )

    def save_native(self, folder: Path) -> None:
        """Save the fitted MLlib models as mllib/rating and mllib/ranking; ids are positions in the factor files."""
        for name, model in self._models.items():
            model.write().overwrite().save(str(folder / NATIVE_FOLDER / name))

    def _frame(self, ratings: sp.csr_matrix) -> "DataFrame":
        users = np.repeat(np.arange(ratings.shape[0], dtype=np.int32), np.diff(ratings.indptr))
        columns = {"user": users, "item": ratings.indices.astype(np.int32), "rating": ratings.data}
        return self._session.createDataFrame(pa.table(columns))


def _factors(frame: "DataFrame", rows: int, rank: int) -> np.ndarray:
    table = frame.toArrow()
    factors = np.zeros((rows, rank), np.float32)
    vectors = table["features"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    factors[table["id"].to_numpy()] = vectors.reshape(-1, rank)
    return factors

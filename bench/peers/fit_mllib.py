"""MLlib's ALS and its lists of all users, on the entries that ours was given; what is seen stays in the lists."""

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from asked import from_command_line
from clock import stage
from pyspark.ml.recommendation import ALS
from pyspark.sql import SparkSession


def main() -> None:
    """Fit, then make the lists."""
    asked, (kept,) = from_command_line(__doc__.splitlines()[0], "kept")
    likes = sp.load_npz(kept / "entries.npz")
    settings = {
        "spark.driver.memory": asked.driver_memory,
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
    }
    settings |= {
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": str(2 * asked.cores),
    }
    builder = SparkSession.builder.master(f"local[{asked.cores}]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setCheckpointDir(str(kept / "checkpoints"))
    users = np.repeat(np.arange(likes.shape[0], dtype=np.int32), np.diff(likes.indptr))
    table = pa.table({"user": users, "item": likes.indices.astype(np.int32), "rating": likes.data})
    entries = session.createDataFrame(table).cache()
    entries.count()
    als = ALS(
        userCol="user", itemCol="item", ratingCol="rating", rank=asked.rank, maxIter=asked.iterations,
        regParam=asked.regularization, implicitPrefs=True, alpha=asked.alpha, seed=asked.seed,
        numUserBlocks=asked.cores, numItemBlocks=asked.cores,
    )  # fmt: skip
    with stage("ranking fit") as found:
        model = als.fit(entries)
        found["entries"] = likes.nnz
    with stage("top-n") as found:
        model.recommendForAllUsers(asked.listed).write.format("noop").mode("overwrite").save()
        found["users"] = likes.shape[0]
    session.stop()


if __name__ == "__main__":
    main()

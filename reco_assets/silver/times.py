"""Unix seconds as a time with its year and month, in UTC, which silver is partitioned by. Pure."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def in_time(rows: pa.Table, where: np.ndarray, name: str) -> pa.RecordBatchReader:
    """The rows `where` (n,) bool says so, made as they are read; timestamp, Unix seconds, as a time of that name.

    Behind the other columns, and followed by its year and month as ints.
    """

    def batches() -> Iterator[pa.RecordBatch]:
        start = 0
        for batch in rows.to_batches():
            wanted = where[start : start + len(batch)]
            start += len(batch)
            yield _with_time(batch if wanted.all() else batch.filter(pa.array(wanted)), name)

    made = _with_time(pa.RecordBatch.from_pylist([], rows.schema), name)
    return pa.RecordBatchReader.from_batches(made.schema, batches())


def with_time_frame(rows: "DataFrame", name: str) -> "DataFrame":
    """As `in_time`, of all rows of a frame."""
    from pyspark.sql import functions as F

    rows = rows.withColumn(name, F.timestamp_seconds("timestamp")).drop("timestamp")
    return rows.withColumn("year", F.year(name)).withColumn("month", F.month(name))


def _with_time(rows: pa.RecordBatch, name: str) -> pa.RecordBatch:
    seconds = rows["timestamp"].cast(pa.timestamp("s"))
    made = {
        name: seconds.cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC")),
        "year": pac.year(seconds).cast(pa.int32()),
        "month": pac.month(seconds).cast(pa.int32()),
    }
    given = rows.drop_columns(["timestamp"])
    return pa.record_batch([*given.columns, *made.values()], names=[*given.schema.names, *made])

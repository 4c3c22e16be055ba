"""Sorting more rows than the driver holds: Spark sorts them into a folder, and the driver reads that part by part."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from resources.tables.lakehouse import Lakehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROWS_AT_ONCE = 1 << 18


@contextmanager
def rows_in_order(
    lakehouse: Lakehouse, name: str, frame: "DataFrame", by: Sequence[str]
) -> Iterator[Iterator[pa.Table]]:
    """The rows of a frame in ascending order of columns, some at a time; the folder they lie in goes at the end.

    `name`: what is sorted, as a table's name: the folder lies beside it, and one sorts it at a time.
    """
    layer, table = name.split("/")
    folder = lakehouse.path(layer, f"_{table}_in_order")
    with lakehouse.lock(f"{name}_in_order"):
        try:
            frame.orderBy(*by).write.mode("overwrite").parquet(lakehouse.engine.path(folder))
            parts = sorted(folder.glob("part-*.parquet"))  # Spark numbers them in the order of their rows
            yield (
                pa.Table.from_batches([batch])
                for part in parts
                for batch in pq.ParquetFile(part).iter_batches(ROWS_AT_ONCE)
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)

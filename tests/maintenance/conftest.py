"""A small table with a history, and its log made older than it is."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql.types import IntegerType, StructField, StructType

from resources.tables.files import TableSpec
from resources.tables.growth import Changes, commit_changes
from resources.tables.lakehouse import Lakehouse

SPEC = TableSpec("silver/numbers", StructType([StructField("x", IntegerType())]))


class Numbers:
    """A Delta table of one column; each write gives a version."""

    def __init__(self, lakehouse: Lakehouse) -> None:
        self.lakehouse, self.name = lakehouse, SPEC.name
        self.path = lakehouse.path(SPEC.name)

    def replace(self, *values: int) -> None:
        self.lakehouse.write(SPEC, rows(values))

    def append(self, *values: int) -> None:
        commit_changes(self.lakehouse, SPEC, Changes(new=rows(values), other=rows(())), keys=["x"])

    def values(self, version: int | None = None) -> list[int]:
        return sorted(self.lakehouse.dataset(self.name, version).to_table()["x"].to_pylist())

    @property
    def version(self) -> int:
        return int(DeltaTable(str(self.path)).version())

    def age_commits(self, days: Callable[[int], float]) -> None:
        """Make each commit (and its checkpoint) as many days old as the function says of its version."""
        for file in (self.path / "_delta_log").glob("0*"):
            at = time.time() - 86_400 * days(int(file.name[:20]))
            os.utime(file, (at, at))

    def data_files(self) -> set[Path]:
        return set(self.path.glob("*.parquet"))


def rows(values: tuple[int, ...]) -> pa.Table:
    return pa.table({"x": pa.array(values, pa.int32())})


@pytest.fixture
def numbers(lakehouse: Lakehouse) -> Numbers:
    return Numbers(lakehouse)


@pytest.fixture(scope="session")
def numbers_in() -> Callable[[Lakehouse], Numbers]:
    return Numbers

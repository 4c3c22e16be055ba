"""What the writer of a Delta table noted of each file's columns: how many nulls, and the lowest and highest value.

So what follows from these is known without a look at the rows: 20 M ratings in 10 ms.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pac

from resources.tables.files import own_errors
from resources.tables.lakehouse import Lakehouse


@dataclass(frozen=True)
class Extent:
    """Of the files in which a column holds values: the lowest and the highest of each (files,)."""

    lowest: pa.ChunkedArray
    highest: pa.ChunkedArray


@dataclass(frozen=True)
class Written:
    """The notes on the files of one version of a table."""

    _files: pa.Table

    @property
    def rows(self) -> int:
        """The rows of the table."""
        return int(pac.sum(self._files["num_records"]).as_py() or 0)

    def nulls(self, column: str) -> int | None:
        """How often the column is null; None where that was not noted of each file."""
        counts = self._nulls(column)
        return None if counts is None or counts.null_count else int(pac.sum(counts).as_py() or 0)

    def extent(self, column: str) -> Extent | None:
        """The column's values, whole numbers or times; None where they were not noted of each file that has some."""
        partition = f"partition.{column}"
        names = (partition, partition) if partition in self._files.column_names else (f"min.{column}", f"max.{column}")
        nulls = self._nulls(column)
        if nulls is None or not set(names) <= set(self._files.column_names):
            return None
        filled = self._where_filled(nulls)
        lowest, highest = (filled[name] for name in names)
        ordered = pa.types.is_integer(lowest.type) or pa.types.is_timestamp(lowest.type)
        return Extent(lowest, highest) if ordered and not lowest.null_count and not highest.null_count else None

    def lowest_text(self, column: str) -> pa.ChunkedArray | None:
        """The first text, or how it begins, of each file in which a column holds some; None as for `extent`."""
        nulls, name = self._nulls(column), f"min.{column}"
        if nulls is None or name not in self._files.column_names:
            return None
        lowest = self._where_filled(nulls)[name]
        return None if lowest.null_count else lowest

    def _where_filled(self, nulls: pa.ChunkedArray) -> pa.Table:
        """The notes on files that may hold a value of a column with so many nulls in each (files,)."""
        return self._files.filter(pac.fill_null(pac.not_equal(nulls, self._files["num_records"]), True))

    def _nulls(self, column: str) -> pa.ChunkedArray | None:
        if (name := f"null_count.{column}") in self._files.column_names:
            return self._files[name]
        if (name := f"partition.{column}") in self._files.column_names:
            return pac.if_else(pac.is_null(self._files[name]), self._files["num_records"], 0)
        return None


@own_errors()
def written_of(lakehouse: Lakehouse, name: str, version: int | None = None) -> Written | None:
    """What is noted of a table (at a version); None for a parquet table, and where rows were not counted.

    Raises `LakehouseError`.
    """
    table = lakehouse.delta_table(name)
    if table is None:
        return None
    if version is not None:
        table.load_as_version(version)
    files = pa.table(table.get_add_actions(flatten=True))
    counted = "num_records" in files.column_names and not files["num_records"].null_count
    return Written(files) if counted else None

"""Tables of streamed rows that need not fit memory, read a few batches at a time."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from resources.tables.files import dataset_at, table_exists

# A row with the names of its batch and file takes 250 bytes, and what lies under its key beside it.
ROWS_AT_ONCE = 1_000_000


def portions(table: Path, columns: Sequence[str], but_for: Collection[str]) -> Iterator[pa.Table]:
    """A table's rows, `batch` and these columns, but for those of some batches; nothing where there is no table.

    Each portion has whole batches, of up to `ROWS_AT_ONCE` rows in all or one larger one, in the order in which they
    come.
    """
    if not table_exists(table):
        return
    left = [(batch, count) for batch, count in words_of(table, "batch").items() if batch not in but_for]
    while left:
        ends = np.cumsum([count for _, count in left])
        taken = max(int(np.searchsorted(ends, ROWS_AT_ONCE, side="right")), 1)
        batches, left = [batch for batch, _ in left[:taken]], left[taken:]
        of_these = pac.field("batch").isin(pa.array(batches, pa.string()))
        yield dataset_at(table).to_table(columns=["batch", *columns], filter=of_these)


def words_of(table: Path, column: str) -> Counter[str]:
    """How many rows have each word of a column, in the order in which they come; no column is in memory as a whole."""
    found: Counter[str] = Counter()
    for part in dataset_at(table, encoded=[column]).to_batches(columns=[column]):
        words = part[column].cast(pa.string()).drop_null()
        found.update({each["values"]: each["counts"] for each in pac.value_counts(words).to_pylist()})
    return found

"""Columns of a Parquet file as arrays: of ids, and of vectors, one list a row, all of the same length."""

import numpy as np
import pyarrow as pa


def vectors(rows: np.ndarray) -> pa.FixedSizeListArray:
    """(n, width) numbers as a column of n lists."""
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])


def matrix(column: pa.ChunkedArray, width: int | None = None) -> np.ndarray:
    """The numbers of lists that are all of one length: (n, width).

    Spark writes lists of any length, which don't say how long they are where there are none: `width` does.
    """
    lists = column.combine_chunks()
    numbers = lists.flatten().to_numpy()
    if width is None:
        width = lists.type.list_size if pa.types.is_fixed_size_list(lists.type) else len(numbers) // max(len(lists), 1)
    rows: np.ndarray = numbers.reshape(len(lists), width)
    return rows


def in_order(rows: pa.Table, key: str) -> pa.Table:
    """Rows by a column of ids; the same ones, not copied, where they lie so."""
    ids = rows[key].to_numpy()
    return rows.sort_by(key) if (ids[1:] < ids[:-1]).any() else rows

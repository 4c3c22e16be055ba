"""Vectors as a column of a Parquet file: one list of fixed length a row."""

import numpy as np
import pyarrow as pa


def vectors(rows: np.ndarray) -> pa.FixedSizeListArray:
    """(n, width) numbers as a column of n lists."""
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])


def matrix(column: pa.ChunkedArray) -> np.ndarray:
    """The numbers that `vectors` made a column of: (n, width)."""
    lists = column.combine_chunks()
    rows: np.ndarray = lists.flatten().to_numpy().reshape(len(lists), lists.type.list_size)
    return rows

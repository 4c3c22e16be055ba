"""The future ratings as one CSV file, in the columns that streaming reads."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pac
from pyarrow import csv

from reco_assets.vocabulary import CSV_COLUMNS
from resources.files import replacing

# To the second, because the time is part of a rating's key: a day alone would merge ratings on the way back.
_TO_THE_SECOND = pa.timestamp("s")
ORDER = ["rating_ts", "user_id", "movie_id"]
_TYPES = (pa.string(), pa.int32(), pa.int32(), pa.float32())
_TEXT = pa.schema(dict(zip(CSV_COLUMNS, _TYPES, strict=True)))
ROWS_AT_ONCE = 1 << 18  # as text: 4 M rows take 128 MB more than they are, at once 253 MB


def write_futures_csv(future: pa.Table, path: Path) -> int:
    """Replace the file by the rows (user_id, movie_id, rating, rating_ts), oldest first; returns their number.

    Raises `NoRegularFileError` for the path of a device, pipe or folder.
    """
    order = pac.sort_indices(future, [(name, "ascending") for name in ORDER])
    starts = range(0, len(future), ROWS_AT_ONCE)
    return write_in_order((future.take(order[start : start + ROWS_AT_ONCE]) for start in starts), path)


def write_in_order(future: Iterable[pa.Table], path: Path) -> int:
    """As `write_futures_csv`, of rows that come in their `ORDER`, part by part."""
    rows = 0
    with (
        replacing(path) as temporary,
        temporary.open("wb") as file,
        csv.CSVWriter(
            file, _TEXT, write_options=csv.WriteOptions(quoting_header="none", quoting_style="none")
        ) as lines,
    ):
        for part in future:
            lines.write_table(_as_text(part))
            rows += len(part)
    return rows


def _as_text(rows: pa.Table) -> pa.Table:
    time = rows["rating_ts"].cast(_TO_THE_SECOND, safe=False).cast(pa.string())
    columns = time, rows["user_id"], rows["movie_id"], rows["rating"]
    return pa.table(dict(zip(CSV_COLUMNS, columns, strict=True)))

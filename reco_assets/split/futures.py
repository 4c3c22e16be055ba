"""The future ratings as one CSV file, in the columns that streaming reads."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

from reco_assets.vocabulary import CSV_COLUMNS
from resources.files import replacing

# To the second, because the time is part of a rating's key: a day alone would merge ratings on the way back.
_TO_THE_SECOND = pa.timestamp("s")


def write_futures_csv(future: pa.Table, path: Path) -> int:
    """Replace the file by the rows (user_id, movie_id, rating, rating_ts), oldest first; returns their number.

    Raises `NoRegularFileError` for the path of a device, pipe or folder.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        pc.write_csv(_rows(future), file, pc.WriteOptions(quoting_header="none", quoting_style="none"))
    return len(future)


def _rows(future: pa.Table) -> pa.Table:
    rows = future.sort_by([(name, "ascending") for name in ("rating_ts", "user_id", "movie_id")])
    time = rows["rating_ts"].cast(_TO_THE_SECOND, safe=False).cast(pa.string())
    columns = time, rows["user_id"], rows["movie_id"], rows["rating"]
    return pa.table(dict(zip(CSV_COLUMNS, columns, strict=True)))

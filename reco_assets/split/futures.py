"""The future ratings as one CSV file, in the columns that streaming reads."""

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pc
from pyspark.sql import functions as F

from reco_assets.vocabulary import CSV_COLUMNS
from resources.files import replacing

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# To the second, because the time is part of a rating's key: a day alone would merge ratings on the way back.
DATE_FORMAT = "yyyy-MM-dd HH:mm:ss"


def write_futures_csv(future: "DataFrame", path: Path) -> int:
    """Replace the file by the rows (user_id, movie_id, rating, rating_ts), oldest first; returns their number.

    Raises `NoRegularFileError` for the path of a device, pipe or folder.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        rows = _rows(future)
        pc.write_csv(rows, file, pc.WriteOptions(quoting_header="none", quoting_style="none"))
    return int(rows.num_rows)


def _rows(future: "DataFrame") -> pa.Table:
    columns = F.date_format("rating_ts", DATE_FORMAT), F.col("user_id"), F.col("movie_id"), F.col("rating")
    return (
        future.orderBy("rating_ts", "user_id", "movie_id")
        .select(*(column.alias(name) for column, name in zip(columns, CSV_COLUMNS, strict=True)))
        .toArrow()
    )

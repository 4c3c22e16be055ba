"""From the columns a source has to the platform's own, still as text: one function per kind of table.

A bronze table tells its source by its columns, so silver needs no setting to read what lies there.
"""

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

NO_GENRES = "(no genres listed)"
_NETFLIX = "MOVIE_ID"


def ratings_as_text(bronze: "DataFrame") -> "DataFrame":
    """user_id, movie_id, rating, seconds (Unix, as text), source, line, raw; all but line strings."""
    return _events_as_text(bronze, "rating")


def movies_as_text(bronze: "DataFrame") -> "DataFrame":
    """movie_id, title, genres_string, year (empty where only the title may hold it), source, line, raw."""
    if _NETFLIX in bronze.columns:
        columns = {"movie_id": "MOVIE_ID", "title": "TITLE"}
        # Not null: a minimum and a maximum would pass nulls over, and miss that rows differ.
        year, genres = F.coalesce(F.trim("YEAR"), F.lit("")), F.lit(NO_GENRES)
    else:
        columns = {"movie_id": "movieId", "title": "title"}
        year, genres = F.lit(""), F.coalesce(F.trim("genres"), F.lit(NO_GENRES))
    named = (year.alias("year"), genres.alias("genres_string"))
    return bronze.select(*_trimmed(columns), *named, *_provenance(bronze))


def tags_as_text(bronze: "DataFrame") -> "DataFrame":
    """user_id, movie_id, tag, seconds (Unix, as text), source, line, raw."""
    return _events_as_text(bronze, "tag")


def _events_as_text(bronze: "DataFrame", value: str) -> "DataFrame":
    """What a user said of a movie at a time: `value` is the column that both layouts have in their own case."""
    if _NETFLIX in bronze.columns:
        columns = {"user_id": "CUST_ID", "movie_id": "MOVIE_ID", value: value.upper()}
        seconds = _seconds_of_date(F.col("DATE"))
    else:
        columns = {"user_id": "userId", "movie_id": "movieId", value: value}
        seconds = F.trim("timestamp")
    return bronze.select(*_trimmed(columns), seconds.alias("seconds"), *_provenance(bronze))


def _trimmed(columns: dict[str, str]) -> "list[Column]":
    return [F.trim(found).alias(name) for name, found in columns.items()]


def _seconds_of_date(date: "Column") -> "Column":
    """YYYY-MM-DD as Unix seconds; null for anything else: the 31st of February, or digits that look like seconds."""
    shaped = F.trim(date).rlike(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\z")
    day = F.try_to_timestamp(F.trim(date), F.lit("yyyy-MM-dd"))
    return F.when(shaped, F.unix_seconds(day).cast("string"))


def _provenance(bronze: "DataFrame") -> "list[Column]":
    fields = [F.coalesce(F.col(name), F.lit("")) for name in bronze.columns if not name.startswith("_")]
    return [F.col("_source_file").alias("source"), F.col("_line").alias("line"), F.concat_ws(",", *fields).alias("raw")]

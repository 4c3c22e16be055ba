"""From the columns a source has to the platform's own, still as text: one function per kind of table.

Which column is what, the source's layout says (`reco_assets.sources.formats`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from reco_assets.sources.formats import columns_among

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

RATED = "rating"  # the event_type of events that are ratings
NO_GENRES = "(no genres listed)"


def ratings_as_text(bronze: "DataFrame") -> "DataFrame":
    """user_id, movie_id, rating, seconds (Unix, as text), source, line, raw; all but line strings."""
    return _events_as_text(bronze, "rating")


def movies_as_text(bronze: "DataFrame") -> "DataFrame":
    """movie_id, title, genres_string, year (empty where only the title may hold it), source, line, raw."""
    columns = columns_among(bronze.columns).by_meaning
    # Not null: a minimum and a maximum would pass nulls over, and miss that rows differ.
    named = {"year": _text_or(columns.get("year"), ""), "genres_string": _text_or(columns.get("genres"), NO_GENRES)}
    return bronze.select(
        *_trimmed(columns, "movie_id", "title"),
        *(text.alias(name) for name, text in named.items()),
        *_provenance(bronze),
    )


def tags_as_text(bronze: "DataFrame") -> "DataFrame":
    """user_id, movie_id, tag, seconds (Unix, as text), source, line, raw."""
    return _events_as_text(bronze, "tag")


def rating_events_as_text(log: "DataFrame") -> "DataFrame":
    """The rating events of events/log with the columns of `ratings_as_text`.

    source is "events/log" with the topic and partition that the event came from, and line its offset there + 1: lines
    are counted from 1. Both name the event for good.
    """
    source = F.concat_ws("/", F.lit("events/log"), "source", "topic", F.col("partition").cast("string"))
    given = [F.col(name).cast("string").alias(name) for name in ("user_id", "movie_id", "rating")]
    seconds = F.unix_seconds("event_ts").cast("string").alias("seconds")
    raw = F.concat_ws(",", *(F.col(name).cast("string") for name in ("user_id", "movie_id", "rating", "event_ts")))
    place = [source.alias("source"), (F.col("offset") + 1).alias("line"), raw.alias("raw")]
    return log.where(F.col("event_type") == F.lit(RATED)).select(*given, seconds, *place)


def _events_as_text(bronze: "DataFrame", value: str) -> "DataFrame":
    """What a user said of a movie at a time; `value`: rating or tag."""
    columns = columns_among(bronze.columns).by_meaning
    date = columns.get("date")
    seconds = _seconds_of_date(F.col(date)) if date else F.trim(columns["timestamp"])
    named = _trimmed(columns, "user_id", "movie_id", value)
    return bronze.select(*named, seconds.alias("seconds"), *_provenance(bronze))


def _trimmed(columns: "Mapping[str, str]", *names: str) -> "list[Column]":
    return [F.trim(columns[name]).alias(name) for name in names]


def _text_or(column: str | None, otherwise: str) -> "Column":
    return F.coalesce(F.trim(column), F.lit(otherwise)) if column else F.lit(otherwise)


def _seconds_of_date(date: "Column") -> "Column":
    """YYYY-MM-DD as Unix seconds; null for anything else: the 31st of February, or digits that look like seconds."""
    shaped = F.trim(date).rlike(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\z")
    day = F.try_to_timestamp(F.trim(date), F.lit("yyyy-MM-dd"))
    return F.when(shaped, F.unix_seconds(day).cast("string"))


def _provenance(bronze: "DataFrame") -> "list[Column]":
    fields = [F.coalesce(F.col(name), F.lit("")) for name in bronze.columns if not name.startswith("_")]
    return [F.col("_source_file").alias("source"), F.col("_line").alias("line"), F.concat_ws(",", *fields).alias("raw")]

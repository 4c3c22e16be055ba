"""Cleaning as it was while bronze held text: every rule on text columns. What it gives, the typed path must give.

The oracle of `test_typed_path.py`: the rules in other words, by SQL, which share nothing but the vocabulary with those
that ship. Who changes a rule changes it here too; what isn't a rule needs no change. Where that is more work than it
tells, it goes, with the tests of `test_typed_path.py` that don't compare two ways that ship.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from reco_assets.vocabulary import (
    ALLOWED_RATINGS,
    CLOCK_SKEW,
    CONFLICT,
    HIGHEST_RATING,
    INT32_MAX,
    LAST_SECOND,
    LOWEST_RATING,
)

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

NO_GENRES = "(no genres listed)"


def ratings_as_text(bronze: "DataFrame") -> "DataFrame":
    """user_id, movie_id, rating, seconds (Unix, as text), source, line, raw; all but line strings."""
    return _events_as_text(bronze, "rating")


def movies_as_text(bronze: "DataFrame") -> "DataFrame":
    """movie_id, title, genres_string, year (empty where only the title may hold it), source, line, raw."""
    # Not null: a minimum and a maximum would pass nulls over, and miss that rows differ.
    named = {"year": _text_or(bronze, "year", ""), "genres_string": _text_or(bronze, "genres", NO_GENRES)}
    return bronze.select(
        *_trimmed("movie_id", "title"),
        *(text.alias(name) for name, text in named.items()),
        *_provenance(bronze),
    )


def tags_as_text(bronze: "DataFrame") -> "DataFrame":
    """user_id, movie_id, tag, seconds (Unix, as text), source, line, raw."""
    return _events_as_text(bronze, "tag")


def _events_as_text(bronze: "DataFrame", value: str) -> "DataFrame":
    """What a user said of a movie at a time; `value`: rating or tag."""
    seconds = _seconds_of_date(F.col("date")) if "date" in bronze.columns else F.trim("timestamp")
    named = _trimmed("user_id", "movie_id", value)
    return bronze.select(*named, seconds.alias("seconds"), *_provenance(bronze))


def _trimmed(*names: str) -> "list[Column]":
    return [F.trim(name).alias(name) for name in names]


def _text_or(bronze: "DataFrame", column: str, otherwise: str) -> "Column":
    return F.coalesce(F.trim(column), F.lit(otherwise)) if column in bronze.columns else F.lit(otherwise)


def _seconds_of_date(date: "Column") -> "Column":
    """YYYY-MM-DD as Unix seconds; null for anything else: the 31st of February, or digits that look like seconds."""
    shaped = F.trim(date).rlike(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\z")
    day = F.try_to_timestamp(F.trim(date), F.lit("yyyy-MM-dd"))
    return F.when(shaped, F.unix_seconds(day).cast("string"))


def _provenance(bronze: "DataFrame") -> "list[Column]":
    fields = [F.coalesce(F.col(name), F.lit("")) for name in bronze.columns if not name.startswith("_")]
    return [F.col("_source_file").alias("source"), F.col("_line").alias("line"), F.concat_ws(",", *fields).alias("raw")]


_PROVENANCE = ("source", "line", "raw")

# ASCII classes and \z only: Java's `$` also matches before a last newline, and Rust's \d and \s are Unicode's.
_INTEGER = r"^[0-9]{1,18}\z"
_TITLE_YEAR, _YEAR = r"\(([0-9]{4})\)[ \t]*\z", r"^[0-9]{4}\z"
_NUMBER = r"^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,2})?\z"


@dataclass(frozen=True)
class Cleaned:
    """good: the silver columns; quarantined: `QUARANTINE_COLUMNS`."""

    good: "DataFrame"
    quarantined: "DataFrame"


def clean_ratings(text: "DataFrame", now: datetime) -> Cleaned:
    """Ratings as text (see `ratings_as_text`) to silver/ratings and its quarantine.

    A rating more than `CLOCK_SKEW` after `now` is refused as one of the future. Of rows with one key (user_id,
    movie_id, rating_ts) and different ratings the last one read wins.
    """
    rules = _id_rules("user_id") | _id_rules("movie_id") | _rating_rules() | _second_rules(now)
    accepted, refused = _judged(text, rules)
    kept = _last_wins(typed_ratings(accepted), keys=("user_id", "movie_id", "seconds"), values=("rating",))
    good = _with_time(kept.good, "rating_ts").select("user_id", "movie_id", "rating", "rating_ts", "year", "month")
    return Cleaned(good, refused.unionByName(kept.quarantined))


def clean_movies(text: "DataFrame") -> Cleaned:
    """Movies as text to silver/movies and its quarantine; of rows with one movie_id the last one read wins."""
    accepted, refused = _judged(text, _id_rules("movie_id") | {"null_title": _present("title")})
    kept = _last_wins(typed_movies(accepted), keys=("movie_id",), values=("title", "genres_string", "year"))
    in_title = F.regexp_extract("title", _TITLE_YEAR, 1)
    year = F.when(F.col("title").rlike(_TITLE_YEAR), in_title).when(F.col("year").rlike(_YEAR), F.col("year"))
    good = kept.good.select(
        "movie_id",
        "title",
        "genres_string",
        F.split("genres_string", r"\|").alias("genres"),
        year.try_cast("int").alias("release_year"),
    )
    return Cleaned(good, refused.unionByName(kept.quarantined))


def clean_tags(text: "DataFrame", now: datetime) -> Cleaned:
    """Tags as text to silver/tags and its quarantine. Repeated tags are kept: the document names no key.

    A tag more than `CLOCK_SKEW` after `now` is refused as one of the future.
    """
    rules = _id_rules("user_id") | _id_rules("movie_id") | {"null_tag": _present("tag")} | _second_rules(now)
    accepted, refused = _judged(text, rules)
    typed = accepted.select(
        F.col("user_id").try_cast("int"),
        F.col("movie_id").try_cast("int"),
        "tag",
        F.col("seconds").try_cast("long").alias("seconds"),
    )
    good = _with_time(typed, "tag_ts").select("user_id", "movie_id", "tag", "tag_ts", "year", "month")
    return Cleaned(good, refused)


def typed_ratings(text: "DataFrame") -> "DataFrame":
    """Ratings as text with user_id, movie_id int, rating float, seconds bigint; null where the text is none."""
    return text.select(
        F.col("user_id").try_cast("int"),
        F.col("movie_id").try_cast("int"),
        F.col("rating").try_cast("double").cast("float").alias("rating"),
        F.col("seconds").try_cast("long").alias("seconds"),
        *_PROVENANCE,
    )


def typed_movies(text: "DataFrame") -> "DataFrame":
    """Movies as text with movie_id int; null where the text is none."""
    return text.withColumn("movie_id", F.col("movie_id").try_cast("int"))


def exact_duplicates(typed: "DataFrame", quarantined: "DataFrame") -> int:
    """Raw rows that are not in the quarantine and say nothing new: the same values as another such row.

    Found from the raw rows and the quarantine alone, without the cleaning rules, so that a row which cleaning
    lost or made up breaks the conservation of rows.
    """
    elsewhere = typed.join(quarantined.select("source", "line"), ["source", "line"], "left_anti")
    kinds = elsewhere.drop(*_PROVENANCE)
    repeats = kinds.groupBy(*kinds.columns).agg((F.count(F.lit(1)) - 1).alias("repeats"))
    return int(repeats.agg(F.coalesce(F.sum("repeats"), F.lit(0))).collect()[0][0])


def _id_rules(column: str) -> "dict[str, Column]":
    value = F.col(column)
    present = _present(column)
    whole = value.rlike(_INTEGER) & (value.try_cast("long") <= F.lit(INT32_MAX))
    return {f"null_{column}": present, f"invalid_{column}": ~F.coalesce(present, F.lit(False)) | whole}


def _rating_rules() -> "dict[str, Column]":
    number = F.col("rating").rlike(_NUMBER)
    stars = F.col("rating").try_cast("double")
    in_range = (stars >= F.lit(LOWEST_RATING)) & (stars <= F.lit(HIGHEST_RATING))
    return {
        "invalid_rating": number,
        "rating_out_of_range": ~F.coalesce(number, F.lit(False)) | in_range,
        "rating_between_half_stars": ~F.coalesce(number & in_range, F.lit(False)) | stars.isin(*ALLOWED_RATINGS),
    }


def _second_rules(now: datetime) -> "dict[str, Column]":
    seconds = F.col("seconds").try_cast("long")
    valid = F.col("seconds").rlike(_INTEGER) & (seconds <= F.lit(LAST_SECOND))
    latest = int((now + CLOCK_SKEW).timestamp())
    return {
        "invalid_timestamp": valid,
        "future_date": ~F.coalesce(valid, F.lit(False)) | (seconds <= F.lit(latest)),
    }


def _present(column: str) -> "Column":
    return F.col(column).isNotNull() & (F.col(column) != F.lit(""))


def _judged(text: "DataFrame", rules: "Mapping[str, Column]") -> "tuple[DataFrame, DataFrame]":
    """The rows that keep every rule, and the quarantine of the others: the names of the rules that each breaks.

    Rows are told apart by the rules, not by the size of `reasons`: Spark plans and runs the array far slower.
    """
    kept = {name: F.coalesce(rule, F.lit(False)) for name, rule in rules.items()}
    good = reduce(and_, kept.values())
    reasons = F.array_compact(F.array(*(F.when(~rule, F.lit(name)) for name, rule in kept.items())))
    return text.where(good), text.where(~good).select(*_PROVENANCE, reasons.alias("reasons"))


def _last_wins(rows: "DataFrame", keys: tuple[str, ...], values: tuple[str, ...]) -> Cleaned:
    """One row per key, the last by (source, line); rows that differ from it in `values` are quarantined.

    `values` hold no nulls. Only keys whose lowest and highest value differ, rare in practice, are looked at row by
    row: on Sail the maximum of a struct per key took 18 times as long at 1 M rows, and eight times the memory.
    """
    lowest, highest = (
        [F.min(name).alias(name) for name in values],
        [F.max(name).alias(f"highest_{name}") for name in values],
    )
    grouped = rows.groupBy(*keys).agg(*lowest, *highest)
    agreed = reduce(and_, (F.col(name) == F.col(f"highest_{name}") for name in values))
    last_first = Window.partitionBy(*keys).orderBy(F.desc("source"), F.desc("line"))
    rivals = rows.join(grouped.where(~agreed).select(*keys), list(keys)).select(
        *rows.columns,
        F.row_number().over(last_first).alias("place"),
        *(F.first(name).over(last_first).alias(f"last_{name}") for name in values),
    )
    winners = rivals.where(F.col("place") == 1).select(*keys, *values)
    losers = rivals.where(~reduce(and_, (F.col(name) == F.col(f"last_{name}") for name in values)))
    return Cleaned(
        grouped.where(agreed).select(*keys, *values).unionByName(winners),
        losers.select(*_PROVENANCE, F.array(F.lit(CONFLICT)).alias("reasons")),
    )


def _with_time(rows: "DataFrame", name: str) -> "DataFrame":
    moment = F.timestamp_seconds(F.col("seconds"))
    return rows.withColumn(name, moment).withColumn("year", F.year(name)).withColumn("month", F.month(name))

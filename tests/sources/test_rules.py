"""The rules on raw batches say of any text what silver's rules say of it."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pyarrow as pa
import pytest

from reco_assets.silver import layouts
from reco_assets.silver.cleaning import clean_movies, clean_ratings, clean_tags
from reco_assets.sources.rules import broken_rules

NOW = datetime(2026, 1, 2, tzinfo=UTC)

IDS = ["1", "0", " 7 ", "", " ", None, "-1", "+1", "1.0", "x", "2147483647", "2147483648", "9" * 18, "9" * 19, "\uff11"]
RATINGS = [
    "3.5",
    ".5",
    "5.",
    "5e0",
    "+4",
    "-4",
    "0",
    "5.5",
    "3.7",
    "3,5",
    "",
    None,
    "NaN",
    "inf",
    "1e99",
    "1e400",
    " 4 ",
]
TIMES = ["0", "1000000000", "4102444800", "253402300800", "x", "", None, "1e9", "-5", "1000000000.0", "2024-01-31"]
DAYS = [
    "2005-01-01",
    " 2005-01-01 ",
    "2005-13-01",
    "05-01-01",
    "1000000000",
    "",
    None,
    "2999-01-01",
    "2005-01-01 10:00:00",
]
TEXTS = ["Heat", "", " ", None]


def batch(**columns: list[str | None]) -> pa.Table:
    """Every value of a column beside the first, good one of the others."""
    first = {name: values[0] for name, values in columns.items()}
    rows: list[dict[str, Any]] = [first | {name: value} for name, values in columns.items() for value in values]
    provenance = {"_source_file": ["file"] * len(rows), "_line": list(range(len(rows)))}
    text = {name: pa.array([row[name] for row in rows], pa.string()) for name in columns}
    return pa.table(text | provenance)


RATED = {"userId": IDS, "movieId": IDS, "rating": RATINGS, "timestamp": TIMES}
TAGGED = {"userId": IDS, "movieId": IDS, "tag": TEXTS, "timestamp": TIMES}
BLOCKS = {"MOVIE_ID": IDS, "CUST_ID": IDS, "RATING": RATINGS, "DATE": DAYS}
CASES = [
    (RATED, layouts.ratings_as_text, partial(clean_ratings, now=NOW)),
    (BLOCKS, layouts.ratings_as_text, partial(clean_ratings, now=NOW)),
    ({"movieId": IDS, "title": TEXTS, "genres": ["Drama"]}, layouts.movies_as_text, clean_movies),
    ({"MOVIE_ID": IDS, "YEAR": ["1995", None], "TITLE": TEXTS}, layouts.movies_as_text, clean_movies),
    (TAGGED, layouts.tags_as_text, partial(clean_tags, now=NOW)),
]


@pytest.mark.parametrize(("columns", "as_text", "clean"), CASES, ids=["ratings", "blocks", "movies", "titles", "tags"])
def test_the_same_rows_break_the_same_rules_as_in_silver(
    spark: Any, columns: dict[str, list[str | None]], as_text: Callable, clean: Callable
) -> None:
    raw = batch(**columns)
    frame = spark.createDataFrame(raw)
    silver = {
        (row["line"], reason)
        for row in clean(as_text(frame)).quarantined.toArrow().to_pylist()
        for reason in row["reasons"]
        if reason != "conflicting_duplicate"
    }
    broken = broken_rules(raw.combine_chunks().to_batches()[0], NOW)
    found = {(line, reason) for reason, where in broken.items() for line, bad in enumerate(where.tolist()) if bad}
    assert found == silver


def test_healthy_rows_break_no_rule() -> None:
    assert broken_rules(batch(userId=["1"], movieId=["2"], rating=["3.5"], timestamp=["4"]).to_batches()[0], NOW) == {}


def test_every_reason_is_counted_once_a_row() -> None:
    broken = broken_rules(batch(**RATED).combine_chunks().to_batches()[0], NOW)
    assert Counter({reason: int(where.sum()) for reason, where in broken.items()})["null_user_id"] == 3

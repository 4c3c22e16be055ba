"""Every check fails on a table made to break just its rule, and no other check does."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pyspark.sql.types import DoubleType, StringType, StructField, StructType

from reco_assets.quality import kinds
from reco_assets.quality.declarations import DECLARED
from reco_assets.quality.finding import Finding

Rows = list[dict[str, Any]]
RATINGS = "silver/ratings"
LATER = datetime.now(UTC) + timedelta(days=30)


def failing(findings: list[Finding]) -> set[str]:
    return {finding.kind for finding in findings if not finding.passed}


def first(**values: Any) -> Callable[[Rows], Rows]:
    """Give the first row other values."""
    return lambda rows: [{**rows[0], **values}, *rows[1:]]


def of_users(*users: int) -> Callable[[Rows], Rows]:
    return lambda rows: [row for row in rows if row["user_id"] in users]


def also(user: int, ratings: int, apart: timedelta) -> Callable[[Rows], Rows]:
    """One more user with that many ratings, of all ten values alike."""

    def more(rows: Rows) -> Rows:
        moments = [rows[0]["rating_ts"] + apart * at for at in range(ratings)]
        return [
            *rows,
            *(
                {**rows[at % 10], "user_id": user, "rating_ts": t, "year": t.year, "month": t.month}
                for at, t in enumerate(moments)
            ),
        ]

    return more


BREAKS: dict[str, tuple[str, Callable[[Rows], Rows]]] = {
    **{f"a null {name}": (kinds.NULLS, first(**{name: None})) for name in DECLARED[RATINGS].required},
    "no star": (kinds.RANGES, first(rating=0.0)),
    "over five stars": (kinds.RANGES, first(rating=5.5)),
    "a third of a star": (kinds.RANGES, first(rating=3.3)),
    "a rating that is no number": (kinds.RANGES, first(rating=float("nan"))),
    "a user below zero": (kinds.RANGES, first(user_id=-1)),
    "a time in the future": (kinds.RANGES, first(rating_ts=LATER, year=LATER.year, month=LATER.month)),
    "a year of another time": (kinds.RANGES, first(year=2019)),
    "a month of another time": (kinds.RANGES, first(month=2)),
    "a movie that movies does not hold": (kinds.REFERENCES, first(movie_id=99)),
    "no rows": (kinds.ROW_COUNT, lambda _rows: []),
    "most rows gone": (kinds.ROW_COUNT, of_users(0, 1, 2, 3, 4, 5)),
    "all ratings alike": (kinds.DISTRIBUTIONS, lambda rows: [{**row, "rating": 5.0} for row in rows]),
    "a row twice": (kinds.DUPLICATES, lambda rows: [*rows, rows[0]]),
    "a key with two ratings": (kinds.DUPLICATES, lambda rows: [*rows, {**rows[0], "rating": 5.0}]),
    "too many ratings in a day": (kinds.OUTLIERS, also(99, 60, timedelta(minutes=1))),
    "far more ratings than others": (kinds.OUTLIERS, also(99, 200, timedelta(days=1))),
}


@pytest.mark.parametrize("name", BREAKS)
def test_only_the_check_whose_rule_is_broken_fails(
    name: str, check: Callable, good_rows: Callable, arrow: Callable
) -> None:
    kind, breaks = BREAKS[name]
    found = check(RATINGS, arrow(RATINGS, breaks(good_rows(RATINGS))))
    assert failing(found) == {kind}


OTHER_BREAKS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a line before the first": ("bronze/ratings", kinds.RANGES, {"_line": 0}),
    "no file": ("bronze/ratings", kinds.NULLS, {"_source_file": None}),
    "a film before film": ("silver/movies", kinds.RANGES, {"release_year": 1492}),
    "an empty title": ("silver/movies", kinds.RANGES, {"title": ""}),
    "a movie twice": ("silver/movies", kinds.DUPLICATES, {"movie_id": 1}),
    "an empty tag": ("silver/tags", kinds.RANGES, {"tag": ""}),
    "no reason": ("silver/quarantine_tags", kinds.RANGES, {"reasons": []}),
    "no such side": ("silver/split_ratings", kinds.RANGES, {"side": "both"}),
    "no such split": ("stream/ratings", kinds.RANGES, {"split": "future"}),
    "a line twice": ("stream/ratings", kinds.DUPLICATES, {"line": 3}),
    "an event of no known type": ("events/log", kinds.RANGES, {"event_type": "search"}),
    "an event on another day": ("events/log", kinds.RANGES, {"event_date": date(2019, 12, 31)}),
    "an event twice": ("events/log", kinds.DUPLICATES, {"event_id": "e1"}),
    "a message refused for nothing": ("events/dead_letters", kinds.RANGES, {"reasons": []}),
    "a movie that trends twice": ("gold/trending", kinds.DUPLICATES, {"movie_id": 1}),
    "a training row twice": ("silver/train_ratings", kinds.DUPLICATES, {}),
}


@pytest.mark.parametrize("name", OTHER_BREAKS)
def test_the_other_tables_have_checks_of_their_own(
    name: str, check: Callable, good_rows: Callable, arrow: Callable
) -> None:
    table, kind, values = OTHER_BREAKS[name]
    rows = good_rows(table)
    broken = first(**values)(rows) if values else [*rows, rows[0]]
    found = check(table, arrow(table, broken))
    assert failing(found) == {kind}
    assert json.dumps([finding.samples for finding in found])  # dates and raw bytes, too, can be shown


@pytest.mark.parametrize(
    ("table", "severity"),
    [("stream/ratings", "warning"), ("silver/train_ratings", "warning"), ("silver/ratings", "error")],
)
def test_a_time_in_the_future_stops_nothing_in_tables_that_keep_streamed_rows(
    table: str, severity: str, check: Callable, good_rows: Callable, arrow: Callable
) -> None:
    later = {"rating_ts": LATER} | ({"year": LATER.year, "month": LATER.month} if table == RATINGS else {})
    [broken] = [found for found in check(table, arrow(table, first(**later)(good_rows(table)))) if not found.passed]
    assert (broken.kind, broken.severity) == (kinds.RANGES, severity)


ENTRY = {"movie_id": 1, "score": 0.5, "rank": 1}


LISTS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "a movie twice": (kinds.RANGES, [ENTRY, ENTRY | {"rank": 2}]),
    "ranks out of order": (kinds.RANGES, [ENTRY | {"rank": 2}]),
    "no score": (kinds.RANGES, [ENTRY | {"score": None}]),
    "a score that is no number": (kinds.RANGES, [ENTRY | {"score": float("nan")}]),
    "a movie that movies does not hold": (kinds.REFERENCES, [ENTRY | {"movie_id": 99}]),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_recommendations_is_looked_into(
    name: str, check: Callable, good_rows: Callable, arrow: Callable
) -> None:
    kind, entries = LISTS[name]
    table = "gold/recommendations_als"
    found = check(table, arrow(table, first(recommendations=entries)(good_rows(table))))
    assert failing(found) == {kind}


def test_other_columns_fail_the_schema_and_the_rest_is_still_checked(
    check: Callable, good_rows: Callable, arrow: Callable
) -> None:
    declared = list(DECLARED[RATINGS].columns)
    without = StructType([field for field in declared if field.name != "rating"])
    longer = StructType([*declared, StructField("note", StringType())])
    wider = StructType([StructField("rating", DoubleType()) if field.name == "rating" else field for field in declared])
    texts = {}
    for name, columns in {"missing": without, "more": longer, "wider": wider}.items():
        found = check(RATINGS, arrow(RATINGS, good_rows(RATINGS), columns))
        assert failing(found) == {kinds.SCHEMA}, name
        texts[name] = found[0].text
    assert "column rating (float) is missing" in texts["missing"]
    assert "column note is not declared" in texts["more"]
    assert "column rating is double and must be float" in texts["wider"]
    twice = check(RATINGS, arrow(RATINGS, [*good_rows(RATINGS), good_rows(RATINGS)[0]], without))
    assert failing(twice) == {kinds.SCHEMA, kinds.DUPLICATES}


def test_a_finding_says_how_much_is_wrong_and_shows_rows(check: Callable, good_rows: Callable, arrow: Callable) -> None:
    rows = [{**row, "rating": 7.0} if row["user_id"] == 0 else row for row in good_rows(RATINGS)]
    finding = next(found for found in check(RATINGS, arrow(RATINGS, rows)) if found.kind == kinds.RANGES)
    [samples] = finding.samples.values()
    assert (finding.severity, len(samples)) == ("error", 5)
    assert {(row["user_id"], row["rating"]) for row in samples} == {(0, 7.0)}
    assert "10 of 360 rows (2.78%) break: rating from 0.5 to 5.0 in half steps" in finding.text

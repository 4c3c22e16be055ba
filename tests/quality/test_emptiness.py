"""Of a table without rows the message says why, where the platform knows it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.quality.checking import check_table
from reco_assets.quality.declarations import DECLARED
from reco_assets.quality.emptiness import why_empty
from reco_assets.tables import (
    QUARANTINE_RATINGS,
    RECOMMENDATIONS_ALS,
    RECOMMENDATIONS_WHY,
    SILVER_RATINGS,
    SPLIT_RATINGS,
    TEST_RATINGS,
    TRAIN_RATINGS,
)
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse
from resources.tables.writing import schema_of

MOMENT = datetime(2020, 1, 1, tzinfo=UTC)


def write(lakehouse: Lakehouse, spec: TableSpec, rows: list[dict[str, Any]]) -> None:
    lakehouse.write(spec, pa.Table.from_pylist(rows, to_arrow_schema(spec.schema, timezone="UTC")))


def split_row(user: int, movie: int, side: str) -> dict[str, Any]:
    rated = {"user_id": user, "movie_id": movie, "rating": 4.0, "rating_ts": MOMENT, "origin": "history"}
    return rated | {"side": side, "policy": "any"}


@pytest.fixture
def split(make_lakehouse: Callable[..., Lakehouse]) -> Callable[..., Lakehouse]:
    """A lakehouse with the settings, where two users rated three movies and one of them a fourth in the future."""

    def make(**settings: Any) -> Lakehouse:
        lakehouse = make_lakehouse(**settings)
        kept = {"user_id": 1, "movie_id": 1, "rating": 4.0, "rating_ts": MOMENT, "year": 2020, "month": 1}
        write(lakehouse, SILVER_RATINGS, [kept])
        rows = [split_row(user, movie, "train") for user in (1, 2) for movie in (1, 2, 3)]
        write(lakehouse, SPLIT_RATINGS, [*rows, split_row(1, 4, "future")])
        return lakehouse

    return make


def test_rows_that_all_broke_a_rule_are_counted_by_reason(lakehouse: Lakehouse) -> None:
    refused = [["invalid_timestamp"]] * 3 + [["invalid_timestamp", "null_user_id"]]
    rows = [{"source": "a", "line": n, "raw": "", "reasons": reasons} for n, reasons in enumerate(refused)]
    raw = pa.table({"userId": ["1"] * 4})
    lakehouse.write(TableSpec("bronze/ratings", schema_of(raw)), raw)
    write(lakehouse, QUARANTINE_RATINGS, rows)
    told = why_empty(lakehouse, SILVER_RATINGS.name)
    assert told.startswith("All 4 rows of bronze/ratings broke a rule: invalid_timestamp 4, null_user_id 1.")


def test_a_source_without_rows_is_named(lakehouse: Lakehouse) -> None:
    raw = pa.table({"userId": pa.array([], pa.string())})
    lakehouse.write(TableSpec("bronze/ratings", schema_of(raw)), raw)
    assert why_empty(lakehouse, SILVER_RATINGS.name).startswith("bronze/ratings, which it is made from, has no rows")
    assert "a header and no rows" in why_empty(lakehouse, "bronze/ratings")


def test_a_fraction_of_nothing_is_named(split: Callable[..., Lakehouse]) -> None:
    assert why_empty(split(test_fraction=0.0), TEST_RATINGS.name).startswith("TEST_FRACTION=0 leaves nothing")


def test_users_with_too_few_ratings_are_counted_without_the_future(split: Callable[..., Lakehouse]) -> None:
    told = why_empty(split(test_fraction=0.2), TEST_RATINGS.name)
    assert "takes a rating of who has 5 or more (TEST_FRACTION=0.2), and no user has more than 3" in told


def test_other_strategies_are_told_of_the_fraction(split: Callable[..., Lakehouse]) -> None:
    told = why_empty(split(split_strategy="random", test_fraction=0.01), TEST_RATINGS.name)
    assert told.startswith("TEST_FRACTION=0.01 of so few ratings is none")


def test_fractions_that_leave_nothing_to_train_on_are_named(split: Callable[..., Lakehouse]) -> None:
    told = why_empty(split(test_fraction=0.9, future_fraction=0.5), TRAIN_RATINGS.name)
    assert told.startswith("TEST_FRACTION=0.9 and FUTURE_FRACTION=0.5 leave nothing")


@pytest.mark.parametrize("table", [SPLIT_RATINGS.name, TRAIN_RATINGS.name, TEST_RATINGS.name])
def test_without_silver_ratings_nothing_can_follow(lakehouse: Lakehouse, table: str) -> None:
    assert why_empty(lakehouse, table) == "silver/ratings, which it is made from, has no rows."


def test_the_check_says_it(split: Callable[..., Lakehouse]) -> None:
    lakehouse = split(test_fraction=0.0)
    write(lakehouse, TEST_RATINGS, [])
    (finding,) = check_table(lakehouse, DECLARED[TEST_RATINGS.name], {"row_count"})
    assert finding.text.startswith("The table is empty. TEST_FRACTION=0 leaves nothing")
    assert (finding.passed, finding.severity) == (False, "warning")  # who gets lists gets them all the same


def test_lists_without_a_movie_have_no_reasons_and_that_is_said(lakehouse: Lakehouse) -> None:
    empty_list = {"user_id": 1, "recommendations": [], "model_version": "v", "generated_ts": MOMENT}
    write(lakehouse, RECOMMENDATIONS_ALS, [empty_list])
    write(lakehouse, RECOMMENDATIONS_WHY, [])
    (finding,) = check_table(lakehouse, DECLARED[RECOMMENDATIONS_WHY.name], {"row_count"})
    assert finding.text.endswith("are empty: no user is left a movie that they did not rate.")
    assert (finding.passed, finding.severity) == (False, "warning")

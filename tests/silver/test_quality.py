"""What a quality report finds in a silver table, and that the conservation of rows is a check that can fail."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from reco_assets.silver.cleaning import clean_ratings
from reco_assets.silver.layouts import ratings_as_text
from reco_assets.silver.quality import Conservation, quality_report
from reco_assets.silver.report import count_rows
from reco_assets.sources.movielens import RATINGS
from reco_assets.tables import QUARANTINE_RATINGS, SILVER_RATINGS
from resources.lakehouse import Lakehouse
from resources.table_files import TableSpec

pytestmark = pytest.mark.both_engines

MOMENT = datetime(2020, 1, 1, tzinfo=UTC)
RATING = "user_id int, movie_id int, rating float, rating_ts timestamp"
RAW = [("1", "1", "4", "9"), ("1", "1", "4", "9"), ("1", "2", "3", "9"), ("1", "2", "5", "9"), ("x", "1", "4", "9")]


def test_a_clean_table_passes(spark: Any) -> None:
    report = quality_report("ratings", spark.createDataFrame([(1, 1, 0.5, MOMENT), (1, 2, 5.0, MOMENT)], RATING))
    assert report == {
        "table": "silver/ratings",
        "row_count": 2,
        "null_percentages": {"user_id": 0.0, "movie_id": 0.0, "rating": 0.0},
        "out_of_range": 0,
        "duplicate_keys": 0,
        "passed": True,
    }


def test_nulls_are_given_in_percent_and_fail(spark: Any) -> None:
    rows = [(None, 1, 4.0, MOMENT), (1, 2, 4.0, MOMENT), (1, 3, 4.0, MOMENT), (2, None, 4.0, MOMENT)]
    report = quality_report("ratings", spark.createDataFrame(rows, RATING))
    assert report["null_percentages"] == {"user_id": 25.0, "movie_id": 25.0, "rating": 0.0}
    assert not report["passed"]


def test_ratings_out_of_range_are_counted_and_fail(spark: Any) -> None:
    rows = [(1, 1, 0.4, MOMENT), (1, 2, 5.5, MOMENT), (1, 3, float("nan"), MOMENT), (1, 4, 4.0, MOMENT)]
    report = quality_report("ratings", spark.createDataFrame(rows, RATING))
    assert (report["out_of_range"], report["passed"]) == (3, False)


def test_keys_that_occur_more_than_once_are_counted_and_fail(spark: Any) -> None:
    rows = [(1, 1, 4.0, MOMENT)] * 3 + [(1, 2, 4.0, MOMENT)] * 2 + [(1, 3, 4.0, MOMENT)]
    report = quality_report("ratings", spark.createDataFrame(rows, RATING))
    assert (report["row_count"], report["duplicate_keys"], report["passed"]) == (6, 2, False)


def test_a_movie_listed_twice_fails(spark: Any) -> None:
    report = quality_report("movies", spark.createDataFrame([(1, "A"), (1, "B")], "movie_id int, title string"))
    assert (report["duplicate_keys"], report["passed"]) == (1, False)


def test_repeated_tags_pass(spark: Any) -> None:
    tags = spark.createDataFrame([(1, 1, "funny")] * 2, "user_id int, movie_id int, tag string")
    assert quality_report("tags", tags)["passed"]


@pytest.mark.parametrize(("table", "schema"), [("ratings", RATING), ("tags", "user_id int, movie_id int, tag string")])
def test_an_empty_table_has_nothing_wrong_with_it(table: str, schema: str, spark: Any) -> None:
    report = quality_report(table, spark.createDataFrame([], schema))
    assert (report["row_count"], report["duplicate_keys"], report["passed"]) == (0, 0, True)


def test_rows_are_conserved_when_the_parts_add_up() -> None:
    assert Conservation(rows_in=10, silver=6, quarantined=3, exact_duplicates=1).holds
    assert not Conservation(rows_in=10, silver=6, quarantined=3, exact_duplicates=0).holds
    assert not Conservation(rows_in=10, silver=7, quarantined=3, exact_duplicates=1).holds


@pytest.fixture
def written(lakehouse: Lakehouse, bronze: Callable[..., Any]) -> Lakehouse:
    """Five raw ratings with one repeat, one conflict and one bad row, cleaned and written."""
    raw = bronze(RATINGS, RAW)
    lakehouse.write(TableSpec("bronze/ratings", raw.schema), raw)
    cleaned = clean_ratings(ratings_as_text(raw))
    lakehouse.write(SILVER_RATINGS, cleaned.good)
    lakehouse.write(QUARANTINE_RATINGS, cleaned.quarantined)
    return lakehouse


def test_cleaned_tables_conserve_their_rows(written: Lakehouse) -> None:
    counted = count_rows(written, "ratings")
    assert counted == Conservation(rows_in=5, silver=2, quarantined=2, exact_duplicates=1)
    assert counted.holds


@pytest.mark.parametrize("spec", [SILVER_RATINGS, QUARANTINE_RATINGS], ids=["silver", "quarantine"])
def test_a_row_that_a_table_lost_breaks_the_conservation(
    spec: TableSpec, written: Lakehouse, rows_of: Callable
) -> None:
    _rewrite(written, spec, rows_of(written.read(spec.name))[1:])
    assert not count_rows(written, "ratings").holds


@pytest.mark.parametrize("spec", [SILVER_RATINGS, QUARANTINE_RATINGS], ids=["silver", "quarantine"])
def test_a_row_that_a_table_holds_twice_breaks_the_conservation(
    spec: TableSpec, written: Lakehouse, rows_of: Callable
) -> None:
    rows = rows_of(written.read(spec.name))
    _rewrite(written, spec, [*rows, rows[0]])
    assert not count_rows(written, "ratings").holds


def _rewrite(lakehouse: Lakehouse, spec: TableSpec, rows: list[dict[str, Any]]) -> None:
    schema = lakehouse.read(spec.name).limit(0).toArrow().schema
    lakehouse.write(spec, lakehouse.engine.session.createDataFrame(pa.Table.from_pylist(rows, schema=schema)))

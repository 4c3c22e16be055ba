"""The figures of the documented quality reports, and the conservation of rows."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from reco_assets.quality import exact_duplicates
from reco_assets.quality.conservation import Conservation, quality_report
from reco_assets.quality.declarations import DECLARED
from reco_assets.quality.etl_report import count_rows, quality_of
from reco_assets.quality.measures import Measured
from reco_assets.silver import ratings
from reco_assets.silver.rating_events import TakenEvents
from reco_assets.silver.raw_rows import ratings_cleaned
from reco_assets.sources import movielens
from reco_assets.sources.layout import RawForm
from reco_assets.sources.raw_forms import raw_schema
from reco_assets.sources.typed import typed
from reco_assets.tables import BRONZE_RATINGS, QUARANTINE_RATINGS, SILVER_RATINGS
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse

NOW = datetime(2026, 1, 2, tzinfo=UTC)

RAW = [("1", "1", "4", "9"), ("1", "1", "4", "9"), ("1", "2", "3", "9"), ("1", "2", "5", "9"), ("x", "1", "4", "9")]
MOVIES = DECLARED["silver/movies"]
CLEAN = {
    "rows": 4,
    **dict.fromkeys((f"null {name}" for name in MOVIES.required), 0),
    **dict.fromkeys((f"broken: {rule.name}" for rule in MOVIES.rules), 0),
}
ONCE = {"repeated keys": 0, "rows too many": 0}


def report(repeated: int = 0, **numbers: int) -> dict[str, Any]:
    named = {name.replace("__", ": ").replace("_", " "): value for name, value in numbers.items()}
    columns = Measured(CLEAN | {name: named.get(name, value) for name, value in CLEAN.items()}, {})
    return quality_report(MOVIES, columns, Measured(ONCE | {"repeated keys": repeated}, {}))


def test_a_clean_table_passes() -> None:
    assert report() == {
        "table": "silver/movies",
        "row_count": 4,
        "null_percentages": dict.fromkeys(MOVIES.required, 0.0),
        "out_of_range": 0,
        "duplicate_keys": 0,
        "passed": True,
    }


def test_nulls_are_given_in_percent_and_fail() -> None:
    found = report(null_title=1)
    assert (found["null_percentages"]["title"], found["passed"]) == (25.0, False)


def test_broken_rules_are_counted_and_fail() -> None:
    found = report(broken__title_is_not_empty=2)
    assert (found["out_of_range"], found["passed"]) == (2, False)


def test_a_rule_that_only_warns_lets_the_report_pass() -> None:
    found = report(broken__release_year_is_one_of_films=2)
    assert (found["out_of_range"], found["passed"]) == (0, True)


def test_keys_that_occur_more_than_once_are_counted_and_fail() -> None:
    found = report(repeated=2)
    assert (found["duplicate_keys"], found["passed"]) == (2, False)


def test_an_empty_table_has_nothing_wrong_with_it() -> None:
    assert report(rows=0)["passed"]


def test_rows_are_conserved_when_the_parts_add_up() -> None:
    assert Conservation(rows_in=10, silver=6, quarantined=3, exact_duplicates=1).holds
    assert not Conservation(rows_in=10, silver=6, quarantined=3, exact_duplicates=0).holds
    assert not Conservation(rows_in=10, silver=7, quarantined=3, exact_duplicates=1).holds


@pytest.fixture
def written(lakehouse: Lakehouse) -> Lakehouse:
    """Five raw ratings with one repeat, one conflict and one bad row, cleaned and written."""
    form = RawForm(movielens.LAYOUT.ratings.fields)
    text = {name: pa.array([row[at] for row in RAW]) for at, name in enumerate(form.fields)}
    provenance = {"_line": range(2, 7), "_source_file": ["file.csv"] * 5, "_loaded_ts": [NOW] * 5}
    lakehouse.write(BRONZE_RATINGS, pa.table(typed(text, form) | provenance, schema=raw_schema(form)))
    cleaned = ratings_cleaned(lakehouse, TakenEvents(), NOW)
    lakehouse.write(SILVER_RATINGS, cleaned.good)
    lakehouse.write(QUARANTINE_RATINGS, cleaned.quarantined)
    return lakehouse


@pytest.mark.both_engines
def test_cleaned_tables_conserve_their_rows_and_pass(written: Lakehouse) -> None:
    counted = count_rows(written, "ratings")
    assert counted == Conservation(rows_in=5, silver=2, quarantined=2, exact_duplicates=1)
    assert counted.holds
    assert quality_of(written, "silver/ratings")["passed"]


def test_a_repeat_that_cleaning_and_the_report_both_miss_is_found_by_the_check_of_keys(
    written: Lakehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (ratings, exact_duplicates):
        monkeypatch.setattr(module, "may_repeat", lambda *_: np.empty(0, np.int64))
    written.write(SILVER_RATINGS, ratings_cleaned(written, TakenEvents(), NOW).good)
    assert quality_of(written, "silver/ratings")["duplicate_keys"] == 2


@pytest.mark.both_engines
@pytest.mark.parametrize("spec", [SILVER_RATINGS, QUARANTINE_RATINGS], ids=["silver", "quarantine"])
def test_a_row_that_a_table_lost_breaks_the_conservation(spec: TableSpec, written: Lakehouse) -> None:
    _rewrite(written, spec, _rows(written, spec)[1:])
    assert not count_rows(written, "ratings").holds


@pytest.mark.both_engines
@pytest.mark.parametrize("spec", [SILVER_RATINGS, QUARANTINE_RATINGS], ids=["silver", "quarantine"])
def test_a_row_that_a_table_holds_twice_breaks_the_conservation(spec: TableSpec, written: Lakehouse) -> None:
    rows = _rows(written, spec)
    _rewrite(written, spec, [*rows, rows[0]])
    assert not count_rows(written, "ratings").holds


def _rows(lakehouse: Lakehouse, spec: TableSpec) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = lakehouse.read(spec.name).toArrow().to_pylist()
    return rows


def _rewrite(lakehouse: Lakehouse, spec: TableSpec, rows: list[dict[str, Any]]) -> None:
    schema = lakehouse.read(spec.name).limit(0).toArrow().schema
    lakehouse.write(spec, lakehouse.engine.session.createDataFrame(pa.Table.from_pylist(rows, schema=schema)))

"""Every check fails on a table made to break just its rule, and no other check does."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql.types import DoubleType, StringType, StructField, StructType

from reco_assets.quality import checking, kinds, measures
from reco_assets.quality.checking import check_table
from reco_assets.quality.declarations import DECLARATIONS, DECLARED
from reco_assets.quality.finding import Finding
from reco_assets.tables import SILVER_RATINGS
from resources.engine import Engine
from resources.settings import load_settings
from resources.tables.lakehouse import Lakehouse

Rows = list[dict[str, Any]]
RATINGS = "silver/ratings"
LIMITS = {"quality_max_ratings_per_day": 50}
LATER = datetime.now(UTC) + timedelta(days=30)


@pytest.fixture(scope="module")
def checked_lake(
    tmp_path_factory: pytest.TempPathFactory, engine: Engine, good_rows: Callable, arrow: Callable, put: Callable
) -> Path:
    """A lakehouse of good tables, each checked once, so that there is an earlier version to compare with."""
    lakehouse = Lakehouse(load_settings(lakehouse_path=tmp_path_factory.mktemp("good") / "lake", **LIMITS), engine)
    for declaration in DECLARATIONS:
        put(lakehouse, declaration.table, arrow(declaration.table, good_rows(declaration.table)))
    for declaration in DECLARATIONS:
        assert failing(check_table(lakehouse, declaration, kinds.KINDS)) == set(), declaration.table
    return lakehouse.root


@pytest.fixture
def lake(checked_lake: Path, tmp_path: Path, engine: Engine) -> Lakehouse:
    shutil.copytree(checked_lake, tmp_path / "lake")
    return Lakehouse(load_settings(lakehouse_path=tmp_path / "lake", **LIMITS), engine)


@pytest.fixture
def check(lake: Lakehouse, put: Callable) -> Callable[[str, pa.Table], list[Finding]]:
    """Replace a table and check it."""

    def run(name: str, table: pa.Table) -> list[Finding]:
        put(lake, name, table)
        return check_table(lake, DECLARED[name], kinds.KINDS)

    return run


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
    "a training row twice": ("silver/train_ratings", kinds.DUPLICATES, {}),
}


@pytest.mark.parametrize("name", OTHER_BREAKS)
def test_the_other_tables_have_checks_of_their_own(
    name: str, check: Callable, good_rows: Callable, arrow: Callable
) -> None:
    table, kind, values = OTHER_BREAKS[name]
    rows = good_rows(table)
    broken = first(**values)(rows) if values else [*rows, rows[0]]
    assert failing(check(table, arrow(table, broken))) == {kind}


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
    declared = list(DECLARED[RATINGS].layouts[0])
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


def test_netflix_columns_are_a_layout_of_bronze_too(check: Callable, arrow: Callable) -> None:
    declaration = DECLARED["bronze/ratings"]
    provenance = {"_line": 2, "_source_file": "a.txt", "_loaded_ts": datetime(2020, 1, 1, tzinfo=UTC)}
    row = {"MOVIE_ID": "1", "CUST_ID": "1", "RATING": "4", "DATE": "2005-01-01", **provenance}
    assert failing(check("bronze/ratings", arrow("bronze/ratings", [row] * 4, declaration.layouts[1]))) == set()


def test_a_finding_says_how_much_is_wrong_and_shows_rows(check: Callable, good_rows: Callable, arrow: Callable) -> None:
    rows = [{**row, "rating": 7.0} if row["user_id"] == 0 else row for row in good_rows(RATINGS)]
    finding = next(found for found in check(RATINGS, arrow(RATINGS, rows)) if found.kind == kinds.RANGES)
    [samples] = finding.samples.values()
    assert (finding.severity, len(samples)) == ("error", 5)
    assert {(row["user_id"], row["rating"]) for row in samples} == {(0, 7.0)}
    assert "10 of 360 rows (2.78%) break: rating from 0.5 to 5.0 in half steps" in finding.text


@pytest.mark.parametrize(("table", "severity"), [("silver/ratings", "error"), ("silver/movies", "warning")])
def test_a_required_table_without_rows_is_an_error_and_another_a_warning(
    table: str, severity: str, check: Callable, arrow: Callable
) -> None:
    [finding] = [found for found in check(table, arrow(table, [])) if not found.passed]
    assert (finding.kind, finding.severity) == (kinds.ROW_COUNT, severity)


@pytest.mark.parametrize("table", ["silver/quarantine_ratings", "silver/future_ratings", "stream/ratings"])
def test_a_table_that_may_be_empty_passes_without_rows(table: str, check: Callable, arrow: Callable) -> None:
    assert [found.text for found in check(table, arrow(table, [])) if found.kind == kinds.ROW_COUNT] == [
        "No rows, which is fine here."
    ]


def test_references_are_not_checked_where_the_source_names_no_movies(
    lake: Lakehouse, put: Callable, arrow: Callable
) -> None:
    put(lake, "silver/movies", arrow("silver/movies", []))
    [finding] = check_table(lake, DECLARED[RATINGS], [kinds.REFERENCES])
    assert (finding.passed, finding.text) == (True, "silver/movies has no rows: nothing to check.")


def test_a_table_that_no_run_has_made_is_one_warning_that_says_how_to_make_it(lakehouse: Lakehouse) -> None:
    found = check_table(lakehouse, DECLARED[RATINGS], kinds.KINDS)
    [missing] = [finding for finding in found if not finding.passed]
    assert (missing.kind, missing.severity) == (kinds.SCHEMA, "warning")
    assert missing.text.startswith("No run has made the table yet. Materialize it: dagster asset materialize")


@pytest.mark.parametrize("table", [RATINGS, "stream/ratings"])
def test_a_table_that_was_there_and_is_gone_fails_every_check(
    lake: Lakehouse, put: Callable, good_rows: Callable, arrow: Callable, table: str
) -> None:
    put(lake, table, arrow(table, good_rows(table)))
    shutil.rmtree(lake.path(table))
    found = check_table(lake, DECLARED[table], kinds.KINDS)
    assert {(finding.passed, finding.severity) for finding in found} == {(False, "error")}
    assert found[0].text.startswith("The table was there and is gone. Bring it back from a backup")


def test_a_streamed_table_may_be_absent_before_its_first_file(lakehouse: Lakehouse) -> None:
    found = check_table(lakehouse, DECLARED["stream/ratings"], kinds.KINDS)
    assert {finding.passed for finding in found} == {True}
    assert "nothing to check" in found[0].text


@pytest.mark.both_engines
def test_either_engine_measures_every_part_of_a_table(
    lakehouse: Lakehouse, put: Callable, good_rows: Callable, arrow: Callable
) -> None:
    broken = [*first(rating=float("nan"), movie_id=99)(good_rows(RATINGS)), {**good_rows(RATINGS)[1], "year": None}]
    for table, rows in {RATINGS: broken, "silver/movies": good_rows("silver/movies")}.items():
        put(lakehouse, table, arrow(table, rows))
    found = check_table(lakehouse, DECLARED[RATINGS], kinds.KINDS)
    assert failing(found) == {kinds.NULLS, kinds.RANGES, kinds.REFERENCES, kinds.DUPLICATES}
    [outliers] = [finding for finding in found if finding.kind == kinds.OUTLIERS]
    assert (outliers.numbers["users"], outliers.numbers["busiest day"]) == (24, 20)


def test_parquet_tables_are_checked_too(
    make_lakehouse: Callable, put: Callable, good_rows: Callable, arrow: Callable
) -> None:
    lakehouse = make_lakehouse(storage_format="parquet")
    put(lakehouse, "silver/movies", arrow("silver/movies", good_rows("silver/movies")))
    lakehouse.write(SILVER_RATINGS, arrow(RATINGS, good_rows(RATINGS)))
    assert failing(check_table(lakehouse, DECLARED[RATINGS], kinds.KINDS)) == set()
    lakehouse.write(SILVER_RATINGS, arrow(RATINGS, first(rating=9.0)(good_rows(RATINGS))))
    assert failing(check_table(lakehouse, DECLARED[RATINGS], kinds.KINDS)) == {kinds.RANGES}
    assert not lakehouse.path("quality").exists()


def test_checks_one_by_one_share_one_look_at_each_version(
    lake: Lakehouse, put: Callable, good_rows: Callable, arrow: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(lake, RATINGS, arrow(RATINGS, good_rows(RATINGS)))
    jobs = []
    collected = measures.collected
    monkeypatch.setattr(measures, "collected", lambda *given: jobs.append(given) or collected(*given))
    for kind in DECLARED[RATINGS].kinds:
        assert failing(check_table(lake, DECLARED[RATINGS], [kind])) == set()
    assert len(jobs) == 3  # columns, keys, references; users are collected apart
    check_table(lake, DECLARED[RATINGS], kinds.KINDS)
    assert len(jobs) == 3


def test_another_declaration_is_measured_anew(lake: Lakehouse) -> None:
    stricter = replace(DECLARED["silver/movies"], required=("movie_id", "title", "release_year"))
    [finding] = check_table(lake, stricter, [kinds.NULLS])
    assert "null % release_year" in finding.numbers


def test_a_damaged_scan_is_measured_anew(lake: Lakehouse) -> None:
    for path in lake.path("quality").rglob("columns.json"):
        path.write_text("{")
    assert failing(check_table(lake, DECLARED[RATINGS], kinds.KINDS)) == set()


def test_a_version_with_errors_is_no_reference(
    lake: Lakehouse, check: Callable, good_rows: Callable, arrow: Callable
) -> None:
    spoilt = [{**row, "rating": 5.0, "movie_id": None} for row in good_rows(RATINGS)]
    assert kinds.NULLS in failing(check(RATINGS, arrow(RATINGS, spoilt)))
    found = check(RATINGS, arrow(RATINGS, good_rows(RATINGS)))
    [finding] = [each for each in found if each.kind == kinds.DISTRIBUTIONS]
    assert finding.numbers["reference version"] == 0


def test_training_ratings_are_compared_with_what_the_champion_was_trained_on(
    lake: Lakehouse, check: Callable, good_rows: Callable, arrow: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = "silver/train_ratings"
    fives = [{**row, "rating": 5.0} for row in good_rows(table)]
    check(table, arrow(table, fives))
    monkeypatch.setattr(checking, "model_store", lambda _settings: _Champion(trained_on=0))
    lake.path("quality", "scans", "silver.train_ratings").rename(lake.path("elsewhere"))  # measured again at version 0
    found = {finding.kind: finding for finding in check(table, arrow(table, fives))}
    assert not found[kinds.DISTRIBUTIONS].passed
    assert "version 0, which champion 20200101_000000 was trained on" in found[kinds.DISTRIBUTIONS].text


class _Champion:
    """A store with a champion of which only the training version is known."""

    def __init__(self, trained_on: int) -> None:
        self._trained_on = trained_on

    def champion(self) -> str:
        return "20200101_000000"

    def facts(self, _version: str) -> dict[str, Any]:
        return {"inputs": {"silver/train_ratings": self._trained_on}}

"""What is measured once and kept, on either engine, and what a version is compared with."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reco_assets.models.record import ModelRecord
from reco_assets.quality import checking, kinds
from reco_assets.quality.checking import check_table
from reco_assets.quality.declarations import DECLARED
from reco_assets.quality.finding import Finding
from reco_assets.quality.scans import Scan
from reco_assets.tables import SILVER_RATINGS
from resources.tables.lakehouse import Lakehouse

RATINGS = "silver/ratings"


def spoilt(rows: list[dict[str, Any]], **values: Any) -> list[dict[str, Any]]:
    """The rows, the first with other values."""
    return [{**rows[0], **values}, *rows[1:]]


def failing(findings: list[Finding]) -> set[str]:
    return {finding.kind for finding in findings if not finding.passed}


@pytest.fixture
def broken_ratings(lakehouse: Lakehouse, put: Callable, good_rows: Callable, arrow: Callable) -> None:
    """Ratings of which two rows break rules, and the movies that they name."""
    broken = [*spoilt(good_rows(RATINGS), rating=float("nan"), movie_id=99), {**good_rows(RATINGS)[1], "year": None}]
    for table, rows in {RATINGS: broken, "silver/movies": good_rows("silver/movies")}.items():
        put(lakehouse, table, arrow(table, rows))


@pytest.mark.both_engines
@pytest.mark.parametrize("most_rows", [0, 1_000])
def test_either_engine_measures_every_part_of_a_table_in_memory_and_in_frames(
    most_rows: int, lakehouse: Lakehouse, broken_ratings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Lakehouse, "fits_memory", lambda lakehouse, name, _=None: lakehouse.row_count(name) <= most_rows
    )
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
    lakehouse.write(SILVER_RATINGS, arrow(RATINGS, spoilt(good_rows(RATINGS), rating=9.0)))
    assert failing(check_table(lakehouse, DECLARED[RATINGS], kinds.KINDS)) == {kinds.RANGES}
    assert not lakehouse.path("quality").exists()


def test_checks_one_by_one_share_one_look_at_each_version(
    lake: Lakehouse, put: Callable, good_rows: Callable, arrow: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(lake, RATINGS, arrow(RATINGS, good_rows(RATINGS)))
    looks = []
    looked = Scan._rows
    monkeypatch.setattr(Scan, "_rows", lambda scan, *columns: looks.append(columns) or looked(scan, *columns))
    for kind in DECLARED[RATINGS].kinds:
        assert failing(check_table(lake, DECLARED[RATINGS], [kind])) == set()
    assert sorted(looks) == [("movie_id",), ("rating",), ("user_id", "movie_id", "rating_ts"), ("user_id", "rating_ts")]
    check_table(lake, DECLARED[RATINGS], kinds.KINDS)
    assert len(looks) == 4


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
    wrong = [{**row, "rating": 5.0, "movie_id": None} for row in good_rows(RATINGS)]
    assert kinds.NULLS in failing(check(RATINGS, arrow(RATINGS, wrong)))
    found = check(RATINGS, arrow(RATINGS, good_rows(RATINGS)))
    [finding] = [each for each in found if each.kind == kinds.DISTRIBUTIONS]
    assert finding.numbers["reference version"] == 0


def test_training_ratings_are_compared_with_what_the_champion_was_trained_on(
    lake: Lakehouse, check: Callable, good_rows: Callable, arrow: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = "silver/train_ratings"
    fives = [{**row, "rating": 5.0} for row in good_rows(table)]
    check(table, arrow(table, fives))
    monkeypatch.setattr(checking, "serving_store", lambda _settings: _Champion(trained_on=0))
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

    def record(self, _version: str) -> ModelRecord:
        return ModelRecord(config=None, inputs={"silver/train_ratings": self._trained_on})

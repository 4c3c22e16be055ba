"""The report of all tables: JSON for programs, a page for people."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from reco_assets.quality import kinds
from reco_assets.quality.declarations import DECLARATIONS
from reco_assets.quality.finding import Finding
from reco_assets.quality.reports import LARGEST_PAGE, quality_document, report_page, write_report
from resources.tables.lakehouse import Lakehouse

NOW = datetime(2026, 1, 2, tzinfo=UTC)
NASTY = '<script>alert("1")</script>'


@pytest.fixture
def spoilt(lakehouse: Lakehouse, put: Callable, good_rows: Callable, arrow: Callable) -> Lakehouse:
    """All tables; an empty title in movies, an unknown movie in tags."""
    spoil: dict[str, dict[str, Any]] = {"silver/movies": {"title": ""}, "silver/tags": {"movie_id": 99, "tag": NASTY}}
    for declaration in DECLARATIONS:
        rows = good_rows(declaration.table)
        rows[0] |= spoil.get(declaration.table, {})
        put(lakehouse, declaration.table, arrow(declaration.table, rows))
    return lakehouse


def test_a_report_names_every_table_and_what_is_wrong(spoilt: Lakehouse) -> None:
    report = write_report(spoilt, NOW)
    document = json.loads(report.json.read_text())
    assert list(document["tables"]) == [declaration.table for declaration in DECLARATIONS]
    assert (document["passed"], document["errors"], document["warnings"]) == (False, 1, 1)
    movies = document["tables"]["silver/movies"]
    assert (movies["rows"], movies["delta_version"], movies["passed"]) == (20, 0, False)
    assert movies["checks"]["ranges"]["severity"] == "error"
    assert document["tables"]["silver/tags"]["passed"]
    assert document["tables"]["silver/tags"]["checks"]["references"]["samples"] == {
        "not in silver/movies": [{"id": 99, "times": 1}]
    }


def test_the_page_is_readable_offline_and_small(spoilt: Lakehouse) -> None:
    page = write_report(spoilt, NOW).page.read_text()
    assert len(page.encode()) < LARGEST_PAGE
    assert "1 error, 1 warning" in page
    assert "title is not empty" in page
    assert not any(outside in page for outside in ("http://", "https://", "src=", "@import", "<link"))


def test_values_of_the_tables_are_text_on_the_page(lakehouse: Lakehouse) -> None:
    assert NASTY not in report_page(_document(lakehouse, [{"raw": NASTY}]))


def test_a_page_that_would_grow_too_large_leaves_its_samples_out(lakehouse: Lakehouse) -> None:
    rows = [{f"column {at}": "x" * 100 for at in range(1_000)}] * 5
    page = report_page(_document(lakehouse, rows))
    assert len(page.encode()) < LARGEST_PAGE
    assert "broken somehow" in page


def _document(lakehouse: Lakehouse, rows: list[dict[str, Any]]) -> dict[str, Any]:
    finding = Finding("silver/movies", kinds.RANGES, passed=False, text="broken somehow", samples={"rule": rows})
    return quality_document(lakehouse, datetime(2026, 1, 1, tzinfo=UTC), {"silver/movies": [finding]})

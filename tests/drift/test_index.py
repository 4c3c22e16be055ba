"""The page of all drift reports: the newest first, their scores as a curve, and nothing that is damaged in its way."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reco_assets.drift.index import PAGE, Written, index_page, write_index
from reco_assets.drift.reports import reports_folder, write_report
from resources.settings import load_settings

MADE = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def report(report_id: str, score: float, files: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "report_id": report_id,
        "should_retrain": score > 1,
        "reason": f"because of <{report_id}>",
        "drift_score": score,
        "windows": [{}],
        "batches": {"files": [*files]},
        "config": {"threshold": 1.0},
    }


def test_each_report_has_a_row_with_its_files_verdict_and_reason_that_leads_to_its_page() -> None:
    page = index_page([Written(MADE, report("b", 2.5, ("may.csv", "june.csv"))), Written(MADE, report("a", 0.5))])
    assert re.findall(r'href="([^"]+)"', page) == ["b.html", "a.html"]
    assert "may.csv, june.csv" in page
    assert "Retrain: drift score 2.50" in page
    assert "No retrain: drift score 0.50" in page
    assert "because of &lt;b&gt;" in page


def test_the_curve_goes_from_the_oldest_to_the_newest_and_higher_scores_lie_higher() -> None:
    page = index_page([Written(MADE, report("b", 2.5)), Written(MADE, report("a", 0.5))])
    (points,) = re.findall(r'points="([^"]+)"', page)
    (first_x, first_y), (last_x, last_y) = (map(float, point.split(",")) for point in points.split())
    assert first_x < last_x
    assert first_y > last_y  # downwards


def test_a_report_on_nothing_has_a_row_and_no_point() -> None:
    page = index_page([Written(MADE, report("a", 0.0) | {"windows": [], "drift_score": None})])
    assert "Nothing was compared" in page
    assert "<svg" not in page


def test_a_damaged_report_is_left_out(tmp_path: Path) -> None:
    settings = load_settings(lakehouse_path=tmp_path)
    for at, name in enumerate(("old", "new")):
        os.utime(write_report(settings, report(name, 1.5), "")[0], (at, at))
    (reports_folder(settings) / "broken.json").write_text("{")
    path = write_index(settings)
    assert path == reports_folder(settings) / PAGE
    assert re.findall(r'href="([^"]+)"', path.read_text()) == ["new.html", "old.html"]

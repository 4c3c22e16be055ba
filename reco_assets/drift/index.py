"""The page with all drift reports: each one's verdict, and the score over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reco_assets.drift.document import Document, headline
from reco_assets.drift.reports import ReportError, read_report, reports_folder
from reco_assets.reports.page import render_page
from resources.files import write_text_atomically
from resources.settings import Settings

PAGE = "index.html"
SHOWN = 100  # the newest
WIDTH, HEIGHT = 1000, 200  # of the curve, in its own units


@dataclass(frozen=True)
class Written:
    """A report that was written at a moment (UTC)."""

    made: datetime
    report: Document


def write_index(settings: Settings) -> Path:
    """Write the page of the newest reports beside them; returns its path. A report that is damaged is left out."""
    folder, found = reports_folder(settings), []
    dated = sorted(((path.stat().st_mtime, path.stem) for path in folder.glob("[!.]*.json")), reverse=True)
    for seconds, report_id in dated[:SHOWN]:
        try:
            found.append(Written(datetime.fromtimestamp(seconds, UTC), read_report(settings, report_id)))
        except ReportError:  # who asks for that report is told
            continue
    page = folder / PAGE
    write_text_atomically(page, index_page(found))
    return page


def index_page(newest_first: Sequence[Written]) -> str:
    """All reports as one page that loads nothing."""
    rows: list[dict[str, Any]] = [
        {
            "made": f"{each.made:%Y-%m-%d %H:%M}",
            "page": f"{each.report['report_id']}.html",
            "files": each.report["batches"].get("files", []),
            "headline": headline(each.report),
            "retrain": each.report["should_retrain"],
            "reason": each.report["reason"],
        }
        for each in newest_first
    ]
    return render_page(__package__, "index.html.jinja", reports=rows, curve=_curve(newest_first[::-1]))


def _curve(oldest_first: Sequence[Written]) -> dict[str, Any] | None:
    """The scores as points of a curve from the oldest to the newest report, and the threshold; None without a score."""
    scored = [each for each in oldest_first if each.report["windows"] and each.report["drift_score"] is not None]
    if not scored:
        return None
    scores = [each.report["drift_score"] for each in scored]
    threshold = scored[-1].report["config"]["threshold"]
    highest = max(*scores, threshold) * 1.1
    apart = WIDTH / max(len(scored) - 1, 1)
    points = [
        {
            "x": round(at * apart, 1),
            "y": round(HEIGHT * (1 - score / highest), 1),
            "retrain": each.report["should_retrain"],
            "title": f"{each.made:%Y-%m-%d %H:%M}: {score:.2f}",
        }
        for at, (each, score) in enumerate(zip(scored, scores, strict=True))
    ]
    return {"points": points, "threshold": threshold, "y": round(HEIGHT * (1 - threshold / highest), 1)}

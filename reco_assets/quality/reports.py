"""The quality of all tables as one document: JSON for programs, and a page that a person can read offline."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from reco_assets.quality import kinds
from reco_assets.quality.checking import check_table
from reco_assets.quality.declarations import DECLARATIONS, DECLARED
from reco_assets.quality.finding import Finding
from reco_assets.quality.shape_findings import counts_of, reference_counts_of
from reco_assets.reports.page import render_page
from resources.files import write_json, write_text_atomically
from resources.locking.reservations import reserved_stamp
from resources.tables.lakehouse import Lakehouse

REPORTS = "quality/reports"
LARGEST_PAGE = 300_000


@dataclass(frozen=True)
class QualityReport:
    """A report that was written: what it says, and where it lies as JSON and as a page."""

    document: Mapping[str, Any]
    json: Path
    page: Path


def write_report(lakehouse: Lakehouse, moment: datetime) -> QualityReport:
    """Check every declared table, from kept scans where there are any, and write what was found."""
    found = {declaration.table: check_table(lakehouse, declaration, kinds.KINDS) for declaration in DECLARATIONS}
    document = quality_document(lakehouse, moment, found)

    def paths(stamp: str) -> list[Path]:
        return [lakehouse.path(REPORTS, f"data_quality_{stamp}.{end}") for end in ("json", "html")]

    with reserved_stamp(paths, moment) as stamp:
        report = QualityReport(document, *paths(stamp))
        write_json(report.json, document)
        write_text_atomically(report.page, report_page(document))
    return report


def quality_document(lakehouse: Lakehouse, moment: datetime, found: Mapping[str, Sequence[Finding]]) -> dict[str, Any]:
    """The report as JSON: the verdict, and each table's version, rows and checks."""
    failed = [finding for findings in found.values() for finding in findings if not finding.passed]
    errors = sum(finding.severity == "error" for finding in failed)
    return {
        "execution_ts": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "engine": lakehouse.engine.name,
        "storage_format": lakehouse.settings.storage.format,
        "passed": not errors,
        "errors": errors,
        "warnings": len(failed) - errors,
        "tables": {table: _table(lakehouse, table, findings) for table, findings in found.items()},
    }


def report_page(document: Mapping[str, Any]) -> str:
    """The page: one HTML file without links to anything, under 300 KB; the sample rows go where they make it larger."""
    page = _render(document)
    return page if len(page.encode()) < LARGEST_PAGE else _render(_without_samples(document))


def _table(lakehouse: Lakehouse, table: str, findings: Sequence[Finding]) -> dict[str, Any]:
    there = lakehouse.exists(table)
    checks = {finding.kind: asdict(finding) for finding in findings}
    for check in checks.values():
        del check["table"], check["kind"]
    return {
        "exists": there,
        "delta_version": lakehouse.version(table) if there else None,
        "rows": lakehouse.row_count(table) if there else None,
        "passed": all(finding.passed or finding.severity == "warning" for finding in findings),
        "checks": checks,
    }


def _render(document: Mapping[str, Any]) -> str:
    failed = [
        (table, kind, check)
        for table, facts in document["tables"].items()
        for kind, check in facts["checks"].items()
        if not check["passed"]
    ]
    failed.sort(key=lambda each: each[2]["severity"])
    charts = {table: _charts(table, facts) for table, facts in document["tables"].items()}
    shown = {"report": document, "kinds": kinds.DESCRIPTIONS, "failed": failed, "charts": charts}
    return render_page(__package__, "report.html.jinja", **shown)


def _charts(table: str, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each binned column as bars: label, share of this version and of the reference (None without one), in percent."""
    numbers = facts["checks"].get(kinds.DISTRIBUTIONS, {}).get("numbers", {})
    charts = []
    for bins in DECLARED[table].distributions:
        current, reference = numbers.get(counts_of(bins)), numbers.get(reference_counts_of(bins))
        if current and any(current.values()):
            shares, before = _shares(current), _shares(reference) if reference else {}
            largest = max(*shares.values(), *before.values(), 1e-9)
            bars = [(label, share, before.get(label)) for label, share in shares.items()]
            charts.append({"column": bins.column, "bars": bars, "largest": largest})
    return charts


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    whole = sum(counts.values())
    return {label: 100.0 * count / whole if whole else 0.0 for label, count in counts.items()}


def _without_samples(document: Mapping[str, Any]) -> dict[str, Any]:
    tables = {
        table: {**facts, "checks": {kind: {**check, "samples": {}} for kind, check in facts["checks"].items()}}
        for table, facts in document["tables"].items()
    }
    return {**document, "tables": tables}

"""Drift reports in the lakehouse: written whole, found by id or as the newest, and the verdict read from one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reco_assets.tables import DRIFT_REPORTS, NEWEST_DRIFT_REPORT
from resources.documents import DocumentError, checked, read_file
from resources.errors import RecoError
from resources.files import write_json, write_text_atomically
from resources.paths.identifiers import Identifier, identifier
from resources.settings import Settings


class ReportError(RecoError):
    """A drift report is missing or damaged; the message says what to do."""


@dataclass(frozen=True)
class Verdict:
    """What a report decided, under the configured policy, and why."""

    report_id: str
    should_retrain: bool
    reason: str


@dataclass(frozen=True)
class ReportRecord:
    """What a report must be where programs read it; the rest is for people."""

    report_id: Identifier = "unnamed"
    should_retrain: bool = False
    reason: str = ""
    drift_score: float | None = None
    model_version: Identifier | None = None


def reports_folder(settings: Settings) -> Path:
    """Where all reports are, `<report_id>.json` and `.html`."""
    return settings.storage.root / DRIFT_REPORTS


def newest_report(settings: Settings) -> Path:
    """The newest report's JSON, where other programs look for it."""
    return settings.storage.root / NEWEST_DRIFT_REPORT


def write_report(settings: Settings, document: dict[str, Any], html: str) -> tuple[Path, Path]:
    """Write a report as JSON and as an HTML page, then make it the newest; returns both paths."""
    folder, name = reports_folder(settings), document["report_id"]
    page, path = folder / f"{name}.html", folder / f"{name}.json"
    write_text_atomically(page, html)
    write_json(path, document)
    write_json(newest_report(settings), document)
    return path, page


def read_report(settings: Settings, report_id: str | None = None) -> dict[str, Any]:
    """A report by its id, or the newest. Raises `ReportError`, `IdentifierError`."""
    path = newest_report(settings)
    if report_id is not None:
        path = reports_folder(settings) / f"{identifier(report_id, 'Drift report')}.json"
    try:
        content = read_file(path)
        checked(path, content, ReportRecord)
        document: dict[str, Any] = json.loads(content)
    except FileNotFoundError:
        raise ReportError(f"There is no drift report at {path}. Make one: reco stream detect_drift.") from None
    except DocumentError as error:
        raise ReportError(f"{error}. Make it anew: reco stream detect_drift.") from None
    return document


def newest_batches(document: Mapping[str, Any]) -> list[str]:
    """The newest of the batches that a report is about. Reports of earlier versions of the platform name all."""
    batches = document["batches"]
    return list(batches["newest"] if isinstance(batches, dict) else batches)


def report_verdict(settings: Settings, report_id: str | None = None) -> Verdict:
    """What a report (the newest, unless one is named) decided. Raises `ReportError`."""
    document = read_report(settings, report_id)
    return Verdict(document["report_id"], document["should_retrain"], document["reason"])


def check_retrain(settings: Settings) -> str:
    """The documented branch: the task that follows the newest report. Raises `ReportError`."""
    return next_task(report_verdict(settings).should_retrain)


def next_task(should_retrain: bool) -> str:
    """The documented task that follows a decision on retraining."""
    return "merge_streaming_data" if should_retrain else "skip_retrain"

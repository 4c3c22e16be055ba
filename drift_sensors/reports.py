"""The drift reports that Dagster knows of, as the retrain sensor reads them."""

from dataclasses import dataclass

import dagster as dg

from reco_assets.drift.reports import newest_batches, read_report
from resources.settings import Settings

REPORTS_PER_TICK = 100


@dataclass(frozen=True)
class ReportEvent:
    """A materialised drift report: its place in the event log, what it found, on which champion.

    `called_by`: the codes of what calls for a retraining; empty in reports of earlier versions of the platform.
    """

    storage_id: int
    run_id: str
    report_id: str
    should_retrain: bool
    drift_score: float
    reason: str
    model_version: str | None
    called_by: str = ""


def new_reports(instance: dg.DagsterInstance, cursor: str | None) -> list[ReportEvent]:
    """The reports after the cursor, oldest first."""
    filters = dg.AssetRecordsFilter(
        asset_key=dg.AssetKey(["drift", "report"]), after_storage_id=int(cursor) if cursor else None
    )
    records = instance.fetch_materializations(filters, limit=REPORTS_PER_TICK, ascending=True).records
    return [_report_event(record) for record in records]


def batches_of(report: ReportEvent, settings: Settings) -> frozenset[str]:
    """The newest batches of a report that calls for a run: what accepts one of its batches accepts all of them."""
    if not report.should_retrain:
        return frozenset()
    return frozenset(newest_batches(read_report(settings, report.report_id)))


def _report_event(record: dg.EventLogRecord) -> ReportEvent:
    materialization = record.asset_materialization
    if materialization is None:
        raise ValueError(f"Event {record.storage_id} is no materialisation of drift/report.")
    values = {name: value.value for name, value in materialization.metadata.items()}
    return ReportEvent(
        storage_id=record.storage_id,
        run_id=record.run_id,
        report_id=str(values["report_id"]),
        should_retrain=bool(values["should_retrain"]),
        drift_score=float(str(values["drift_score"])),
        reason=str(values["reason"]),
        model_version=str(values["model_version"]) or None,
        called_by=str(values.get("called_by", "")),
    )

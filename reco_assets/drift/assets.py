"""The drift assets: how far the waiting batches are from what the champion knows, and what follows from it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from reco_assets.batches.named import BATCHES
from reco_assets.drift.assessment import DriftReport
from reco_assets.drift.document import Document, called_by
from reco_assets.drift.index import write_index
from reco_assets.drift.inputs import report_on_waiting
from reco_assets.drift.reports import write_report
from reco_assets.drift.upkeep import after_report
from resources.tables.lakehouse import Lakehouse
from resources.text.json_lines import of_batches

DATA, MODEL, REPORT = (dg.AssetKey(["drift", name]) for name in ("data_drift", "model_drift", "report"))
WITHIN_LIMIT = "drift_within_limit"
_ASSET: dict[str, Any] = {"group_name": "drift", "kinds": {"json"}}


@dg.multi_asset(
    name="detect_drift",
    specs=[
        dg.AssetSpec(
            DATA,
            deps=[["stream", "ratings"]],
            description="Waiting training ratings against those the champion was trained on.",
            **_ASSET,
        ),
        dg.AssetSpec(
            MODEL,
            deps=[["stream", "ratings"]],
            description="Prediction drift: what the champion predicts for waiting test ratings against its own test.",
            **_ASSET,
        ),
        dg.AssetSpec(
            REPORT,
            deps=[DATA, MODEL],
            description="Performance drift, both scores, what chance does to them, what informs beside them, verdicts.",
            **_ASSET,
        ),
    ],
    check_specs=[dg.AssetCheckSpec(WITHIN_LIMIT, asset=REPORT, description="What waits calls for no retraining.")],
    can_subset=True,
)
def detect_drift(
    context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Score all waiting batches together; the same batches, champion and settings give the same report."""
    report = report_on_waiting(lakehouse)
    document = report.document
    numbers = report.scalars()
    batches = document["batches"]
    said = f"Report {report.report_id} on waiting batches: {batches['count']:,}, named {batches['name']}"
    context.log.info(said, extra=of_batches(batches["newest"]))
    for key, prefix in ((DATA, "data_"), (MODEL, "model_")):
        if key not in context.selected_asset_keys:
            continue
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                **{name: value for name, value in numbers.items() if name.startswith(prefix)},
                "result": dg.JsonMetadataValue(document[key.path[-1]]),
            },
            data_version=dg.DataVersion(report.report_id),
        )
    # Whoever finds a report acts on it, so none is left where only a score is asked for.
    if REPORT in context.selected_asset_keys:
        yield _reported(lakehouse, report)
    if dg.AssetCheckKey(REPORT, WITHIN_LIMIT) in context.selected_asset_check_keys:
        yield _within_limit(document)


def _reported(lakehouse: Lakehouse, report: DriftReport) -> dg.MaterializeResult:
    """The report that was written, and all that Dagit shows of it."""
    document = report.document
    path, page = write_report(lakehouse.settings, document, report.html(datetime.now(UTC)))
    after_report(lakehouse.settings)
    index = write_index(lakehouse.settings)
    return dg.MaterializeResult(
        asset_key=REPORT,
        metadata={
            "verdict": dg.MetadataValue.md(report.markdown()),
            "plots": dg.MetadataValue.md(report.plots()),
            "performance_drift": document["performance_drift"]["status"],
            "should_retrain": report.should_retrain,
            "reason": document["reason"],
            "called_by": ", ".join(called_by(document)),
            **report.scalars(),
            "report_id": report.report_id,
            "policy": document["policy"],
            "model_version": document["model_version"] or "",
            "waiting_batches": document["batches"]["count"],
            BATCHES: {name: document["batches"][name] for name in ("count", "newest")},
            "window": (document["window"] or {}).get("name", ""),
            "path": dg.MetadataValue.path(str(path)),
            "html": dg.MetadataValue.path(str(page)),
            "all_reports": dg.MetadataValue.path(str(index)),
        },
        data_version=dg.DataVersion(report.report_id),
    )


def _within_limit(document: Document) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=REPORT,
        check_name=WITHIN_LIMIT,
        passed=not document["should_retrain"],
        severity=dg.AssetCheckSeverity.WARN,
        description=document["reason"],
        metadata={"drift_score": document["drift_score"], "called_by": ", ".join(called_by(document))},
    )

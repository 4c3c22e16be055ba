"""What a run came to, as one JSON object. Asking for it has no effect: what follows from it is in hand_over.py."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reco_assets.drift.document import called_by
from reco_assets.drift.reports import next_task, read_report
from reco_assets.models.families import FAMILIES, assets_of
from reco_assets.models.judging.document import scalar_metrics
from reco_assets.models.judging.headline import differences, headline
from reco_assets.models.judging.sampled_gate import DEPLOY_DECISION
from reco_assets.models.serving import serving_store
from reco_assets.pipelines.selections import JUDGEMENT
from resources.documents import read_document
from resources.settings import Settings

if TYPE_CHECKING:
    from reco_assets.runner.run import Outcome

_EVALUATIONS = frozenset(assets_of(family)[1] for family in FAMILIES)
SECTIONS = ("data_drift", "model_drift")


def run_result(settings: Settings, outcome: "Outcome") -> dict[str, Any]:
    """The run's id, each asset's Delta version and figures and what follows: from a drift report, if it made one, from
    the candidate's evaluation, and from that of a model which is deployed by limits.

    Raises `ReportError` when that report is gone already.
    """
    assets = {key: _named(values) for key, values in outcome.scalars.items()}
    result: dict[str, Any] = {"run_id": outcome.run_id, "assets": assets}
    if report := outcome.metadata.get("drift/report"):
        result |= drift_result(read_report(settings, str(report["report_id"])))
    if JUDGEMENT[0] in outcome.metadata:
        version = str(outcome.metadata[JUDGEMENT[0]]["version"])  # another run may have trained a newer one
        result["comparison"] = {"candidate": version, **serving_store(settings).comparison(version).document()}
    for key, figures in outcome.metadata.items():
        if DEPLOY_DECISION in figures:
            result[DEPLOY_DECISION] = figures[DEPLOY_DECISION]
        if key in _EVALUATIONS and "path" in figures:
            assets[key] = _judgement(Path(figures["path"]), assets[key])
    return result


def _judgement(run_metrics: Path, shown: Mapping[str, Any]) -> dict[str, Any]:
    """What an evaluation says beside figures, and every figure by the name that programs know it by."""
    document = read_document(run_metrics, dict[str, Any])
    people = headline(document).keys() | differences(document).keys()
    return {**scalar_metrics(document), **{name: value for name, value in shown.items() if name not in people}}


def checks_result(outcome: "Outcome") -> dict[str, Any]:
    """The run's id and, by table and check, whether it passed, how bad it is otherwise, and its figures."""
    tables: dict[str, dict[str, Any]] = {}
    for found in outcome.checks:
        tables.setdefault(found.asset, {})[found.name] = {
            "passed": found.passed,
            "severity": found.severity.value,
            "text": found.text,
            "figures": found.figures,
        }
    return {"run_id": outcome.run_id, "passed": not any(found.is_error for found in outcome.checks), "checks": tables}


def drift_result(report: Mapping[str, Any]) -> dict[str, Any]:
    """The documented sections of a drift report, and its own decision on retraining, which nothing decides again."""
    sections = {name: report[name] for name in SECTIONS}
    decision = {name: report[name] for name in ("should_retrain", "drift_score", "report_id", "reason")}
    decision["called_by"] = called_by(report)
    return {**sections, "retrain_decision": {**decision, **sections, "next_task": next_task(report["should_retrain"])}}


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix("dagster/"): value for name, value in values.items()}

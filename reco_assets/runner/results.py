"""What a command came to, as one JSON object: for its last line, and as a file for the Airflow task that started it.

SparkSubmitOperator hands no output on, so the task reads `<RECO_RESULTS_PATH>/<dag>/<run>/<task>.json` instead.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reco_assets.drift.claims import airflow_claimant, claim
from reco_assets.drift.policy import reachable, should_retrain
from reco_assets.drift.reports import next_task, read_report
from reco_assets.models.versions.store import judged, model_store
from reco_assets.pipelines.documented import FOLLOWING_THEIR_REPORT
from resources.airflow import airflow_task
from resources.files import write_json
from resources.settings import Settings
from resources.settings.drift import DriftSettings

if TYPE_CHECKING:
    from reco_assets.runner.run import Outcome

SECTIONS = ("data_drift", "model_drift")


def run_result(settings: Settings, outcome: "Outcome") -> dict[str, Any]:
    """The run's id, each asset's Delta version and figures and what follows: from a drift report, if it made one, and
    from the candidate's evaluation.

    Raises `ReportError` when that report is gone already.
    """
    result = {"run_id": outcome.run_id, "assets": {key: _named(values) for key, values in outcome.scalars.items()}}
    if report := outcome.metadata.get("drift/report"):
        result |= drift_result(settings, read_report(settings, str(report["report_id"])))
    if "models/als_evaluation" in outcome.metadata:
        version = str(outcome.metadata["models/als_evaluation"]["version"])  # another run may have trained a newer one
        result["comparison"] = {"candidate": version, **judged(model_store(settings), version)}
    return result


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


def drift_result(settings: Settings, report: Mapping[str, Any]) -> dict[str, Any]:
    """The documented sections of a drift report, and the decision on retraining that they lead to."""
    sections = {name: report[name] for name in SECTIONS}
    decision = _decision(reachable(settings.drift), report)
    holder = _holder(settings, report["report_id"]) if decision["should_retrain"] else None
    return {
        **sections,
        "retrain_decision": {
            **decision,
            **sections,
            "report_id": report["report_id"],
            "reason": f"{report['reason']}; left to {holder}" if holder else report["reason"],
            "next_task": next_task(decision["should_retrain"] and not holder),
        },
    }


def hand_over(settings: Settings, result: Mapping[str, Any]) -> Path | None:
    """Leave a result where the Airflow task looks for it; None outside of Airflow or without RECO_RESULTS_PATH."""
    task = airflow_task(settings)
    if task is None or settings.airflow.results_path is None:
        return None
    folder = settings.airflow.results_path.expanduser().resolve()
    path = folder / task.dag_id / task.run_id / f"{task.task_id}.json"
    write_json(path, as_json(result))
    return path


def as_json(value: Any) -> Any:
    """The values as every JSON reader takes them: None for NaN and infinity, a string for what JSON does not know."""
    if isinstance(value, Mapping):
        return {str(name): as_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _holder(settings: Settings, report_id: str) -> str | None:
    """Who retrains on the report in place of the Airflow DAG that made it; None where no such DAG did."""
    task = airflow_task(settings)
    if task is None or task.dag_id not in FOLLOWING_THEIR_REPORT:
        return None
    claimant = airflow_claimant(task.dag_id)
    holder = claim(settings, report_id, claimant)
    return None if holder == claimant else holder


def _decision(config: DriftSettings, report: Mapping[str, Any]) -> dict[str, Any]:
    """The documented rule on the two sections; the report's own verdict where a policy sees more than those."""
    if config.policy == "documented" and config.rmse_trigger is None:
        return should_retrain(report["data_drift"], report["model_drift"], config)
    return {name: report[name] for name in ("should_retrain", "drift_score")}


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix("dagster/"): value for name, value in values.items()}

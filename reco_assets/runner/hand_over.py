"""What follows from a result: who retrains on its drift report is claimed, and Airflow's task gets it as a file.

SparkSubmitOperator hands no output on, so the task reads `<RECO_RESULTS_PATH>/<dag>/<run>/<task>.json` instead.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reco_assets.drift.claims import airflow_claimant, claim
from reco_assets.drift.reports import next_task
from reco_assets.pipelines.documented import FOLLOWING_THEIR_REPORT
from resources.airflow import airflow_task
from resources.files import plain_json, write_json
from resources.settings import Settings

DECISION = "retrain_decision"


def hand_over(settings: Settings, result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Claim the retraining that a result calls for, leave it for Airflow's task, and return it as it is then."""
    settled = claim_retraining(settings, result)
    leave_for_airflow(settings, settled)
    return settled


def claim_retraining(settings: Settings, result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Claim a result's drift report for the Airflow DAG that made it, where the report calls for a retraining.

    The result comes back unchanged, unless someone else holds the claim: then it says who, and leads to none.
    """
    task, decision = airflow_task(settings), result.get(DECISION)
    if task is None or task.dag_id not in FOLLOWING_THEIR_REPORT or not decision or not decision["should_retrain"]:
        return result
    claimant = airflow_claimant(task.dag_id)
    holder = claim(settings, decision["report_id"], claimant)
    if holder == claimant:
        return result
    left = {"reason": f"{decision['reason']}; left to {holder}", "next_task": next_task(False)}
    return {**result, DECISION: {**decision, **left}}


def leave_for_airflow(settings: Settings, result: Mapping[str, Any]) -> Path | None:
    """Leave a result where the Airflow task looks for it; None outside of Airflow or without RECO_RESULTS_PATH."""
    task = airflow_task(settings)
    if task is None or settings.airflow.results_path is None:
        return None
    folder = settings.airflow.results_path.expanduser().resolve()
    path = folder / task.dag_id / task.run_id / f"{task.task_id}.json"
    write_json(path, plain_json(result))
    return path

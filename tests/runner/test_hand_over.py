"""What follows from a result: the file that an Airflow task reads, and who retrains on the drift report."""

import json
from pathlib import Path
from typing import Any

import pytest

from reco_assets.drift.claims import SENSOR, airflow_claimant, claim
from reco_assets.pipelines.documented import FOLLOWING_THEIR_REPORT
from reco_assets.runner.hand_over import claim_retraining, hand_over, leave_for_airflow
from reco_assets.runner.results import drift_result
from resources.settings import Settings, load_settings

AIRFLOW = {
    "airflow_ctx_dag_id": "reco_pipeline",
    "airflow_ctx_dag_run_id": "scheduled__2026-01-01T00:00:00+00:00",
    "airflow_ctx_task_id": "verify_silver_output",
}


def in_airflow(folder: Path, dag: str, **changes: Any) -> Settings:
    return load_settings(lakehouse_path=folder, **(AIRFLOW | {"airflow_ctx_dag_id": dag} | changes))


def result_of_report(score: float) -> dict[str, Any]:
    """The result of a run that made a drift report with this score, by which it decided."""
    return drift_result(
        {
            "report_id": "r1",
            "should_retrain": score > 1.0,
            "drift_score": score,
            "reason": "as the scores say",
            "data_drift": {"score": score},
            "model_drift": {"score": None},
        }
    )


def decision_on(settings: Settings, score: float) -> Any:
    return claim_retraining(settings, result_of_report(score))["retrain_decision"]


def test_in_an_airflow_task_the_result_lies_under_the_ids_of_dag_run_and_task(tmp_path: Path) -> None:
    settings = load_settings(reco_results_path=tmp_path / "the 'results'", **AIRFLOW)
    path = leave_for_airflow(settings, {"value": "/a b/c", "rmse": float("nan")})
    assert path == (
        tmp_path / "the 'results'/reco_pipeline/scheduled__2026-01-01T00:00:00+00:00/verify_silver_output.json"
    )
    assert json.loads(path.read_text()) == {"value": "/a b/c", "rmse": None}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("left_out", [*AIRFLOW, "reco_results_path"])
def test_without_a_folder_or_outside_of_airflow_nothing_is_written(tmp_path: Path, left_out: str) -> None:
    given = {name: value for name, value in (AIRFLOW | {"reco_results_path": tmp_path}).items() if name != left_out}
    assert leave_for_airflow(load_settings(**given), {"value": 1}) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dag", sorted(FOLLOWING_THEIR_REPORT))
def test_an_airflow_dag_that_retrains_claims_the_report_and_may_try_again(tmp_path: Path, dag: str) -> None:
    settings = in_airflow(tmp_path, dag)
    decisions = [decision_on(settings, 1.4) for _ in range(2)]
    assert [decision["next_task"] for decision in decisions] == ["merge_streaming_data"] * 2
    assert claim(settings, "r1", SENSOR) == airflow_claimant(dag)


def test_an_airflow_dag_skips_the_report_that_dagster_retrains_on_already(tmp_path: Path) -> None:
    settings = in_airflow(tmp_path, "ml_pipeline_dag")
    claim(settings, "r1", SENSOR)
    decision = decision_on(settings, 1.4)
    assert decision["should_retrain"]
    assert decision["next_task"] == "skip_retrain"
    assert decision["reason"] == "as the scores say; left to Dagster's retrain sensor"


@pytest.mark.parametrize(("dag", "score"), [("a_dag_of_ones_own", 1.4), ("ml_pipeline_dag", 0.4)])
def test_what_leads_to_no_retraining_in_airflow_claims_nothing(tmp_path: Path, dag: str, score: float) -> None:
    settings = in_airflow(tmp_path, dag)
    decision_on(settings, score)
    assert claim(settings, "r1", SENSOR) == SENSOR


def test_what_is_left_for_airflow_is_what_the_claim_made_of_it(tmp_path: Path) -> None:
    settings = in_airflow(tmp_path, "ml_pipeline_dag", reco_results_path=tmp_path / "results")
    claim(settings, "r1", SENSOR)
    handed = hand_over(settings, result_of_report(1.4))
    assert handed["retrain_decision"]["next_task"] == "skip_retrain"
    (path,) = (tmp_path / "results").rglob("*.json")
    assert json.loads(path.read_text()) == handed

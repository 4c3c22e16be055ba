"""A drift report that Airflow's DAG made: of the DAG's branch and Dagster's sensor exactly one retrains on it."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
import pytest

from reco_assets.drift.reports import write_report
from reco_assets.pipelines.documented import FOLLOWING_THEIR_REPORT
from reco_assets.runner.hand_over import hand_over
from reco_assets.runner.results import run_result
from reco_assets.runner.run import Outcome
from resources.airflow import AirflowTask
from resources.settings import Settings, load_settings

Branch = Callable[[], bool]
Tick = Callable[[], dg.SensorResult]
MakeReport = Callable[[Mapping[str, str]], None]
RUN = "manual__2026-01-01T00:00:00+00:00"
# What DRIFT_RMSE_TRIGGER alone calls for: both scores stay below the threshold.
BY_RMSE: dict[str, Any] = {
    "report_id": "r1",
    "should_retrain": True,
    "drift_score": 0.4,
    "reason": "the model errs by 0.62 stars more on new ratings",
    "reason_codes": ["rmse_worse", "below_threshold"],
    "data_drift": {"score": 0.4},
    "model_drift": {"score": 0.2},
    "batches": ["a-batch"],
    "model_version": None,
}


@pytest.fixture(params=sorted(FOLLOWING_THEIR_REPORT))
def dag(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[{}, {"drift_rmse_trigger": 0.5}], ids=["read without the trigger", "read with it"])
def branch(request: pytest.FixtureRequest, settings: Settings, dag: str) -> Branch:
    """Whether the DAG's branch goes on to retrain, by the result of the task that made the report."""
    airflow = {"airflow_ctx_dag_id": dag, "airflow_ctx_dag_run_id": RUN, "airflow_ctx_task_id": "detect_drift"}
    of_task = load_settings(lakehouse_path=settings.storage.root, **airflow, **request.param)
    outcome = Outcome("run-1", {"drift/report": {"report_id": "r1"}}, {})

    def decide() -> bool:
        decision = hand_over(of_task, run_result(of_task, outcome))["retrain_decision"]
        return bool(decision["next_task"] == "merge_streaming_data")

    return decide


@pytest.fixture
def make_report(settings: Settings, instance: dg.DagsterInstance) -> MakeReport:
    """Make the report in a run with these tags."""

    @dg.asset(key=["drift", "report"])
    def report() -> dg.MaterializeResult:
        shown = {name: BY_RMSE[name] for name in ("report_id", "should_retrain", "drift_score", "reason")}
        return dg.MaterializeResult(metadata=shown | {"model_version": ""})

    def make(tags: Mapping[str, str]) -> None:
        write_report(settings, BY_RMSE, "<html>")
        assert dg.materialize([report], instance=instance, tags=dict(tags)).success

    return make


@pytest.mark.parametrize("first", ["branch", "sensor"])
def test_the_branch_retrains_on_a_report_of_its_dag_by_rmse_and_the_sensor_does_not(
    make_report: MakeReport, dag: str, branch: Branch, tick: Tick, first: str
) -> None:
    make_report(AirflowTask(dag, RUN, "detect_drift", "1").tags())
    retrains = {}
    for who in sorted(("branch", "sensor"), key=lambda who: who != first):
        retrains[who] = branch() if who == "branch" else bool(tick().run_requests)
    assert retrains == {"branch": True, "sensor": False}


def test_the_branch_leaves_the_same_report_to_the_sensor_that_took_it_from_dagsters_own_run(
    make_report: MakeReport, branch: Branch, tick: Tick
) -> None:
    make_report({})
    assert [bool(tick().run_requests), branch()] == [True, False]

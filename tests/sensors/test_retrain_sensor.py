"""The retrain sensor on a real Dagster instance: reports in its event log, runs in its storage."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from drift_sensors.cursors import CALLED_BY_TAG, REPORT_TAG, SCORE_TAG
from reco_assets.drift.claims import SENSOR, airflow_claimant, claim
from reco_assets.drift.reports import reports_folder
from reco_assets.pipelines.documented import ML_PIPELINE, MODEL_RETRAINING
from reco_assets.pipelines.internal import DRIFT_RETRAIN, DRIFT_SCORING
from resources.airflow import AirflowTask
from resources.files import write_json
from resources.settings import Settings

Tick = Callable[..., dg.SensorResult]
Report = Callable[..., None]


@pytest.fixture
def report(instance: dg.DagsterInstance, settings: Settings) -> Report:
    """Materialise a report by its id and score, on one batch of its own."""

    def materialize(report_id: str, score: float, **changes: Any) -> None:
        write_json(reports_folder(settings) / f"{report_id}.json", {"batches": [f"batch-of-{report_id}"]})
        materialization = dg.AssetMaterialization(
            ["drift", "report"], metadata=report_metadata(report_id, score) | changes
        )
        instance.report_runless_asset_event(materialization)

    return materialize


def report_metadata(report_id: str, score: float) -> dict[str, Any]:
    return {
        "report_id": report_id,
        "should_retrain": score > 1.0,
        "drift_score": score,
        "reason": f"drift score {score}",
        "model_version": "",
    }


def report_of_airflow(instance: dg.DagsterInstance, settings: Settings, dag: str) -> None:
    """Materialise a report above the threshold in a run that carries the tags of an Airflow task."""
    write_json(reports_folder(settings) / "r1.json", {"batches": ["batch-of-r1"]})

    @dg.asset(key=["drift", "report"])
    def made() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata=report_metadata("r1", 1.4))

    tags = AirflowTask(dag, "manual__2026-01-01T00:00:00+00:00", "detect_drift", "1").tags()
    assert dg.materialize([made], instance=instance, tags=dict(tags)).success


def report_of_job(instance: dg.DagsterInstance, settings: Settings, job: str) -> None:
    """Materialise a report above the threshold in a run of a Dagster job of that name."""
    write_json(reports_folder(settings) / "r1.json", {"batches": ["batch-of-r1"]})

    @dg.asset(key=["drift", "report"])
    def made() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata=report_metadata("r1", 1.4))

    definitions = dg.Definitions([made], jobs=[dg.define_asset_job(job, selection="*")])
    assert definitions.resolve_job_def(job).execute_in_process(instance=instance).success


def run_ended(instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
    """Put the run that a request asks for into the storage, ended."""
    run = instance.create_run_for_job(_job(str(request.job_name)), tags=dict(request.tags), status=status)
    assert instance.get_run_by_id(run.run_id) is not None


def _job(name: str) -> dg.JobDefinition:
    @dg.op
    def nothing() -> None: ...

    @dg.job(name=name)
    def job() -> None:
        nothing()

    return job


def test_without_a_report_the_tick_says_so(tick: Tick) -> None:
    assert str(tick().skip_reason) == "SkipReason(skip_message='No new drift report.')"


def test_a_report_below_the_threshold_is_skipped_with_its_score_in_the_reason(
    tick: Tick, report: Report, instance: dg.DagsterInstance
) -> None:
    report("r1", 0.31)
    result = tick()
    assert not result.run_requests
    assert "drift score 0.31" in str(result.skip_reason)


def test_of_three_reports_in_one_tick_the_one_above_the_threshold_is_not_missed(
    tick: Tick, report: Report, instance: dg.DagsterInstance
) -> None:
    for number, score in enumerate((0.2, 1.4, 0.2)):
        report(f"r{number}", score)
    requests = tick().run_requests or []
    assert [(r.job_name, r.tags[REPORT_TAG]) for r in requests] == [(DRIFT_RETRAIN.name, "r1")]
    assert requests[0].run_config == {"ops": {"stream__accepted": {"config": {"report": "r1"}}}}


def test_the_run_is_tagged_with_what_called_for_it(tick: Tick, report: Report) -> None:
    report("r1", 0.04, should_retrain=True, called_by="unknown_users, old_champion")
    (request,) = tick().run_requests or []
    assert {tag: request.tags[tag] for tag in (CALLED_BY_TAG, SCORE_TAG)} == {
        CALLED_BY_TAG: "unknown_users, old_champion",
        SCORE_TAG: "0.040",
    }


def test_two_ticks_on_one_report_ask_for_the_same_run(tick: Tick, report: Report, instance: dg.DagsterInstance) -> None:
    report("r1", 1.4)
    first = tick()
    second = tick(first.cursor)
    assert [r.run_key for r in first.run_requests or ()] == [r.run_key for r in second.run_requests or ()]


def test_a_report_whose_run_succeeded_is_behind_the_cursor(
    tick: Tick, report: Report, instance: dg.DagsterInstance
) -> None:
    report("r1", 1.4)
    first = tick()
    run_ended(instance, (first.run_requests or [])[0], dg.DagsterRunStatus.SUCCESS)
    second = tick(first.cursor)
    assert not second.run_requests
    assert "retrained by run" in str(second.skip_reason)
    assert str(tick(second.cursor).skip_reason) == "SkipReason(skip_message='No new drift report.')"


def test_a_failed_run_is_tried_again_under_a_new_key_and_at_last_given_up(
    tick: Tick, report: Report, instance: dg.DagsterInstance
) -> None:
    report("r1", 1.4)
    cursor, keys = None, []
    for _ in range(3):
        result = tick(cursor)
        cursor = result.cursor
        requests = result.run_requests or []
        keys += [request.run_key for request in requests]
        run_ended(instance, requests[0], dg.DagsterRunStatus.FAILURE)
    assert keys == ["retrain:r1:1", "retrain:r1:2", "retrain:r1:3"]
    last = tick(cursor)
    assert not last.run_requests
    assert "gave up after 3 runs" in str(last.skip_reason)


def test_a_report_on_a_former_champion_is_scored_again_once(
    tick: Tick, report: Report, instance: dg.DagsterInstance
) -> None:
    report("r1", 1.4, model_version="20200101_000000")
    first = tick()
    assert [(r.job_name, r.run_key) for r in first.run_requests or ()] == [(DRIFT_SCORING.name, "rescore:r1")]
    assert not tick(first.cursor).run_requests


@pytest.mark.parametrize("text", ["", "{", None])
def test_in_place_of_a_report_that_is_damaged_or_gone_a_new_one_is_asked_for_and_the_next_is_not_held_up(
    tick: Tick, report: Report, settings: Settings, text: str | None
) -> None:
    report("r1", 1.4)
    report("r2", 0.2)
    path = reports_folder(settings) / "r1.json"
    path.unlink()
    if text is not None:
        path.write_text(text)
    first = tick()
    assert [(r.job_name, r.run_key) for r in first.run_requests or ()] == [(DRIFT_SCORING.name, "rescore:r1")]
    assert "drift score 0.2" in str(tick(first.cursor).skip_reason)


@pytest.mark.parametrize("dag", ["drift_detection_retrain_pipeline", "ml_pipeline_dag"])
def test_a_report_is_left_to_the_airflow_dag_that_made_it_and_retrains(
    tick: Tick, instance: dg.DagsterInstance, settings: Settings, dag: str
) -> None:
    report_of_airflow(instance, settings, dag)
    result = tick()
    assert not result.run_requests
    assert f"left to Airflow's DAG {dag}, run manual__2026-01-01T00:00:00+00:00" in str(result.skip_reason)
    assert str(tick(result.cursor).skip_reason) == "SkipReason(skip_message='No new drift report.')"


def test_a_report_of_an_airflow_dag_that_does_not_retrain_leads_to_a_retraining(
    tick: Tick, instance: dg.DagsterInstance, settings: Settings
) -> None:
    report_of_airflow(instance, settings, "a_dag_of_ones_own")
    assert [request.job_name for request in tick().run_requests or ()] == [DRIFT_RETRAIN.name]


def test_a_report_that_airflow_has_claimed_is_left_to_it_though_dagster_made_the_same(
    tick: Tick, report: Report, instance: dg.DagsterInstance, settings: Settings
) -> None:
    claim(settings, "r1", airflow_claimant("ml_pipeline_dag"))
    report("r1", 1.4)
    result = tick()
    assert not result.run_requests
    assert "r1: left to Airflow's DAG ml_pipeline_dag" in str(result.skip_reason)
    assert str(tick(result.cursor).skip_reason) == "SkipReason(skip_message='No new drift report.')"


def test_a_report_that_is_retrained_on_is_claimed_so_that_airflow_skips_it(
    tick: Tick, report: Report, settings: Settings
) -> None:
    report("r1", 1.4)
    assert tick().run_requests
    assert claim(settings, "r1", airflow_claimant("ml_pipeline_dag")) == SENSOR


def test_a_report_that_needs_no_retraining_is_nobodys(tick: Tick, report: Report, settings: Settings) -> None:
    report("r1", 0.3)
    tick()
    assert claim(settings, "r1", "whoever asks") == "whoever asks"


def test_a_report_of_dagsters_own_ml_pipeline_leads_to_one_retraining(
    tick: Tick, instance: dg.DagsterInstance, settings: Settings
) -> None:
    report_of_job(instance, settings, ML_PIPELINE.name)
    requests = tick().run_requests or ()
    assert [(request.job_name, request.run_key) for request in requests] == [(DRIFT_RETRAIN.name, "retrain:r1:1")]


def test_a_report_waits_while_the_retraining_job_is_at_work(
    tick: Tick, report: Report, instance: dg.DagsterInstance
) -> None:
    instance.create_run_for_job(_job(MODEL_RETRAINING.name), status=dg.DagsterRunStatus.STARTED)
    report("r1", 1.4)
    assert "is under way" in str(tick().skip_reason)

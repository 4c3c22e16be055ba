"""What becomes of a drift report: every case of the retrain sensor's pure decision."""

from dataclasses import replace

import dagster as dg
import pytest

from drift_sensors.cursors import Attempt, RetryPolicy
from drift_sensors.retrain import Decision, ReportEvent, RetrainPolicy, Situation, Step, decide

NOW = 1_000_000.0
RETRY = RetryPolicy(max_attempts=3, backoff_seconds=30)
REPORT = ReportEvent(
    storage_id=7,
    run_id="intake-run",
    report_id="r1",
    should_retrain=True,
    drift_score=1.4,
    reason="drift score 1.40 > 1.0",
    model_version="20260101_000000",
)
QUIET = Situation(
    tried=(),
    own_run=None,
    airflow=None,
    retraining=(),
    last_retrained=None,
    waiting=frozenset({"a", "b"}),
    champion="20260101_000000",
)


def run(status: dg.DagsterRunStatus, ended: float | None = None) -> Attempt:
    return Attempt("run", status, ended)


FAILED = run(dg.DagsterRunStatus.FAILURE, NOW - 10)
SUCCEEDED, STARTED = run(dg.DagsterRunStatus.SUCCESS, NOW - 10), run(dg.DagsterRunStatus.STARTED)


def decision(report: ReportEvent = REPORT, situation: Situation = QUIET, cooldown: int = 0) -> Decision:
    return decide(report, situation, RetrainPolicy(RETRY, cooldown), NOW)


def test_a_report_above_the_threshold_leads_to_a_first_attempt() -> None:
    assert decision() == Decision(Step.RETRAIN, "drift score 1.40 > 1.0", attempt=1)


def test_a_report_below_the_threshold_is_settled_with_its_reason() -> None:
    found = decision(replace(REPORT, should_retrain=False, reason="drift score 0.31 is not above 1.0"))
    assert found.step is Step.SETTLE
    assert "0.31" in found.reason


def test_a_report_whose_batches_are_all_accepted_needs_no_run() -> None:
    assert decision(situation=replace(QUIET, waiting=frozenset())).step is Step.SETTLE


def test_a_report_that_is_also_about_a_withdrawn_batch_is_made_anew() -> None:
    found = decision(situation=replace(QUIET, waiting=frozenset({"b"}), withdrawn=frozenset({"a"})))
    assert found.step is Step.RESCORE
    assert "withdrawn" in found.reason


def test_a_report_of_which_one_batch_still_waits_is_acted_on() -> None:
    assert decision(situation=replace(QUIET, waiting=frozenset({"b"}))).step is Step.RETRAIN


def test_one_retraining_at_a_time() -> None:
    assert decision(situation=replace(QUIET, retraining=(STARTED,))).step is Step.WAIT


def test_a_report_on_a_former_champion_is_scored_again() -> None:
    assert decision(situation=replace(QUIET, champion="20260202_000000")).step is Step.RESCORE


@pytest.mark.parametrize(("cooldown", "step"), [(5, Step.RETRAIN), (60, Step.WAIT)])
def test_the_cool_down_counts_from_the_end_of_the_last_retraining(cooldown: int, step: Step) -> None:
    assert decision(situation=replace(QUIET, last_retrained=NOW - 10), cooldown=cooldown).step is step


def test_a_report_waits_for_its_own_run() -> None:
    assert decision(situation=replace(QUIET, tried=(STARTED,))).step is Step.WAIT


def test_a_report_is_settled_by_a_run_that_succeeded_even_if_new_batches_wait() -> None:
    assert decision(situation=replace(QUIET, tried=(FAILED, SUCCEEDED))).step is Step.SETTLE


def test_a_failed_run_is_tried_again_although_its_batches_are_accepted_by_now() -> None:
    tried = (run(dg.DagsterRunStatus.FAILURE, NOW - 31),)
    found = decision(situation=replace(QUIET, tried=tried, waiting=frozenset()))
    assert (found.step, found.attempt) == (Step.RETRAIN, 2)


@pytest.mark.parametrize(("failures", "seconds"), [(1, 30), (2, 60)])
def test_the_wait_doubles_with_every_failure(failures: int, seconds: int) -> None:
    def after(elapsed: float) -> Step:
        tried = (run(dg.DagsterRunStatus.FAILURE, NOW - elapsed),) * failures
        return decision(situation=replace(QUIET, tried=tried)).step

    assert after(seconds - 1) is Step.WAIT
    assert after(seconds) is Step.RETRAIN


def test_after_the_last_attempt_the_report_is_given_up_with_the_run_named() -> None:
    found = decision(situation=replace(QUIET, tried=(FAILED,) * 3))
    assert found.step is Step.SETTLE
    assert "gave up after 3 runs" in found.reason


@pytest.mark.parametrize(
    ("own", "step"),
    [(STARTED, Step.WAIT), (SUCCEEDED, Step.SETTLE), (run(dg.DagsterRunStatus.FAILURE, 0.0), Step.RETRAIN)],
)
def test_a_report_made_by_the_whole_pipeline_is_left_to_it_until_it_fails(own: Attempt, step: Step) -> None:
    assert decision(situation=replace(QUIET, own_run=own)).step is step


def test_a_report_of_an_airflow_dag_that_retrains_is_left_to_it() -> None:
    found = decision(situation=replace(QUIET, airflow="Airflow's DAG ml_pipeline_dag, run manual"))
    assert found == Decision(Step.SETTLE, "Report r1: left to Airflow's DAG ml_pipeline_dag, run manual.")

"""The retrain sensor: a drift report above the threshold leads to exactly one retraining.

It reads every report, one after the other, because a report above the threshold may be followed by another below it
within one tick (Dagster's asset sensor would see only the last). A report is settled when it needs no run, or when
its run succeeded or was tried too often; only then does the cursor pass it. What was tried is in the run storage.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import dagster as dg

from drift_sensors.cursors import (
    ATTEMPT_TAG,
    CALLED_BY_TAG,
    REPORT_TAG,
    SCORE_TAG,
    Attempt,
    RetryPolicy,
    attempts,
    newest,
    unfinished,
)
from drift_sensors.reports import ReportEvent, batches_of, new_reports
from reco_assets.batches.accepted import settled_among
from reco_assets.batches.withdrawn import withdrawn
from reco_assets.drift.claims import SENSOR, claim
from reco_assets.drift.reports import ReportError
from reco_assets.models.serving import serving_store
from reco_assets.pipelines.documented import FOLLOWING_THEIR_REPORT
from reco_assets.pipelines.internal import DRIFT_RETRAIN, DRIFT_SCORING
from reco_assets.pipelines.jobs import RETRAINING, Jobs
from resources.airflow import DAG_TAG, RUN_TAG
from resources.settings import Settings


class Step(Enum):
    """What becomes of a report: nothing more, nothing yet, a retraining, or a new report in its place."""

    SETTLE = "settle"
    WAIT = "wait"
    RETRAIN = "retrain"
    RESCORE = "rescore"


@dataclass(frozen=True)
class Decision:
    """The step and its reason; `attempt` counts from 1 where a run is launched."""

    step: Step
    reason: str
    attempt: int = 1


@dataclass(frozen=True)
class Situation:
    """What a report is judged in.

    `tried`: the runs that this report led to, oldest first; `own_run`: the run that made the report, if that run goes
    on to retrain by itself; `airflow`: the Airflow run that made it, if its DAG retrains by itself; `retraining`:
    unfinished retrainings; `last_retrained`: when the last one ended (Unix seconds); `waiting`: the report's batches
    that wait still; `withdrawn`: those of them that were withdrawn since it was made.
    """

    tried: Sequence[Attempt]
    own_run: Attempt | None
    airflow: str | None
    retraining: Sequence[Attempt]
    last_retrained: float | None
    waiting: frozenset[str]
    champion: str | None
    withdrawn: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RetrainPolicy:
    """How often a report is tried, and how long after one retraining the next may start."""

    retry: RetryPolicy
    cooldown_seconds: int


def decide(report: ReportEvent, situation: Situation, policy: RetrainPolicy, now: float) -> Decision:
    """What becomes of a report; `now` is Unix seconds. Pure, so that every case has a test of its own."""
    if not report.should_retrain:
        return Decision(Step.SETTLE, f"Report {report.report_id}: {report.reason}")
    if situation.airflow:
        return Decision(Step.SETTLE, f"Report {report.report_id}: left to {situation.airflow}.")
    tried = [*([situation.own_run] if situation.own_run else []), *situation.tried]
    if tried:
        return _after_attempts(report, tried, policy.retry, now)
    if not situation.waiting:
        return Decision(Step.SETTLE, f"Report {report.report_id}: none of its batches waits any more.")
    return _first_attempt(report, situation, policy, now)


def _first_attempt(report: ReportEvent, situation: Situation, policy: RetrainPolicy, now: float) -> Decision:
    if situation.retraining:
        return Decision(Step.WAIT, f"Retraining {situation.retraining[0].run_id} is under way.")
    if report.model_version != situation.champion:
        return Decision(Step.RESCORE, f"Report {report.report_id} is about {report.model_version}, champion no more.")
    if situation.withdrawn:
        return Decision(Step.RESCORE, f"Report {report.report_id} is also about batches that were withdrawn since.")
    if situation.last_retrained is not None and now < situation.last_retrained + policy.cooldown_seconds:
        return Decision(Step.WAIT, f"Cooling down: at most one retraining in {policy.cooldown_seconds:,} s.")
    return Decision(Step.RETRAIN, report.reason)


def _after_attempts(report: ReportEvent, tried: Sequence[Attempt], policy: RetryPolicy, now: float) -> Decision:
    last = tried[-1]
    if last.unfinished:
        return Decision(Step.WAIT, f"Run {last.run_id} for report {report.report_id} is under way.")
    if last.succeeded:
        return Decision(Step.SETTLE, f"Report {report.report_id}: retrained by run {last.run_id}.")
    if len(tried) >= policy.max_attempts:
        return Decision(Step.SETTLE, f"Report {report.report_id}: gave up after {len(tried)} runs, last {last.run_id}.")
    if now < policy.wait_until(tried):
        return Decision(Step.WAIT, f"Waiting until the next attempt after failed run {last.run_id}.")
    return Decision(Step.RETRAIN, report.reason, attempt=len(tried) + 1)


def retrain_sensor(settings: Settings, jobs: Jobs) -> dg.SensorDefinition:
    """The sensor on drift reports, on by default; of `jobs`, it starts those that retrain and that score anew."""
    retry = RetryPolicy(settings.sensors.max_attempts, settings.sensors.backoff_seconds)
    policy = RetrainPolicy(retry, settings.drift.cooldown_seconds)

    @dg.sensor(
        name="retrain_sensor",
        jobs=[jobs[DRIFT_RETRAIN.name], jobs[DRIFT_SCORING.name]],
        minimum_interval_seconds=settings.sensors.interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Every drift report that calls for it leads to one retraining.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        cursor, reasons = context.cursor, []
        for report in new_reports(context.instance, cursor):
            try:
                situation = situation_of(report, context.instance, settings)
            except ReportError as error:  # damaged, or removed: what waits is scored anew, and that report decides
                context.log.warning(f"{error} Report {report.report_id} is made anew.")
                return dg.SensorResult(run_requests=[_rescore(report)], cursor=str(report.storage_id))
            decision = decide(report, situation, policy, time.time())
            reasons.append(decision.reason)
            if decision.step is Step.SETTLE:
                cursor = str(report.storage_id)
            elif decision.step is Step.WAIT:
                break
            elif decision.step is Step.RESCORE:
                return dg.SensorResult(run_requests=[_rescore(report)], cursor=str(report.storage_id))
            elif (holder := claim(settings, report.report_id, SENSOR)) != SENSOR:
                reasons[-1] = f"Report {report.report_id}: left to {holder}."
                cursor = str(report.storage_id)
            else:
                return dg.SensorResult(run_requests=[_retrain(report, decision, retry)], cursor=cursor)
        return dg.SensorResult(skip_reason=" ".join(reasons) or "No new drift report.", cursor=cursor)

    return sensor


def situation_of(report: ReportEvent, instance: dg.DagsterInstance, settings: Settings) -> Situation:
    """What run storage and lakehouse say about a report's runs, batches and champion: no engine, no table read."""
    batches = batches_of(report, settings)
    done = newest(instance, dg.RunsFilter(job_name=DRIFT_RETRAIN.name, statuses=[dg.DagsterRunStatus.SUCCESS]))
    return Situation(
        tried=attempts(instance, dg.RunsFilter(job_name=DRIFT_RETRAIN.name, tags={REPORT_TAG: report.report_id})),
        own_run=_own_run(report, instance),
        airflow=_retraining_airflow_run(report, instance),
        retraining=unfinished(instance, *RETRAINING),
        last_retrained=done.ended if done else None,
        waiting=batches - settled_among(settings.storage.root, batches),
        champion=serving_store(settings).champion(),
        withdrawn=batches & withdrawn(settings.storage.root).keys(),
    )


def _own_run(report: ReportEvent, instance: dg.DagsterInstance) -> Attempt | None:
    for job in RETRAINING & FOLLOWING_THEIR_REPORT:
        if own := attempts(instance, dg.RunsFilter(run_ids=[report.run_id], job_name=job)):
            return own[0]
    return None


def _retraining_airflow_run(report: ReportEvent, instance: dg.DagsterInstance) -> str | None:
    run = instance.get_run_by_id(report.run_id)
    dag = run.tags.get(DAG_TAG) if run else None
    return f"Airflow's DAG {dag}, run {run.tags.get(RUN_TAG)}" if run and dag in FOLLOWING_THEIR_REPORT else None


def _retrain(report: ReportEvent, decision: Decision, policy: RetryPolicy) -> dg.RunRequest:
    # Dagster never repeats a run key, not even of a failed run; the attempt makes the next one new.
    return dg.RunRequest(
        run_key=f"retrain:{report.report_id}:{decision.attempt}",
        job_name=DRIFT_RETRAIN.name,
        run_config={"ops": {"stream__accepted": {"config": {"report": report.report_id}}}},
        tags={
            REPORT_TAG: report.report_id,
            SCORE_TAG: f"{report.drift_score:.3f}",
            **({CALLED_BY_TAG: report.called_by} if report.called_by else {}),
            ATTEMPT_TAG: f"{decision.attempt}/{policy.max_attempts}",
        },
    )


def _rescore(report: ReportEvent) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"rescore:{report.report_id}", job_name=DRIFT_SCORING.name, tags={REPORT_TAG: report.report_id}
    )

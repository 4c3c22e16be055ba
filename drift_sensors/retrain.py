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
from reco_assets.batches.accepted import accepted_among
from reco_assets.drift.claims import SENSOR, claim
from reco_assets.drift.reports import ReportError, newest_batches, read_report
from reco_assets.models.serving import serving_store
from reco_assets.pipelines.documented import FOLLOWING_THEIR_REPORT
from reco_assets.pipelines.internal import DRIFT_RETRAIN, DRIFT_SCORING
from reco_assets.pipelines.jobs import RETRAINING, Jobs
from resources.airflow import DAG_TAG, RUN_TAG
from resources.settings import Settings

REPORTS_PER_TICK = 100


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


@dataclass(frozen=True)
class Situation:
    """What a report is judged in.

    `tried`: the runs that this report led to, oldest first; `own_run`: the run that made the report, if that run goes
    on to retrain by itself; `airflow`: the Airflow run that made it, if its DAG retrains by itself; `retraining`:
    unfinished retrainings; `last_retrained`: when the last one ended (Unix seconds); `waiting`: the report's batches
    that training does not take yet.
    """

    tried: Sequence[Attempt]
    own_run: Attempt | None
    airflow: str | None
    retraining: Sequence[Attempt]
    last_retrained: float | None
    waiting: frozenset[str]
    champion: str | None


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
        return Decision(Step.SETTLE, f"Report {report.report_id}: its batches are in training already.")
    return _first_attempt(report, situation, policy, now)


def _first_attempt(report: ReportEvent, situation: Situation, policy: RetrainPolicy, now: float) -> Decision:
    if situation.retraining:
        return Decision(Step.WAIT, f"Retraining {situation.retraining[0].run_id} is under way.")
    if report.model_version != situation.champion:
        return Decision(Step.RESCORE, f"Report {report.report_id} is about {report.model_version}, champion no more.")
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


def new_reports(instance: dg.DagsterInstance, cursor: str | None) -> list[ReportEvent]:
    """The reports after the cursor, oldest first."""
    filters = dg.AssetRecordsFilter(
        asset_key=dg.AssetKey(["drift", "report"]), after_storage_id=int(cursor) if cursor else None
    )
    records = instance.fetch_materializations(filters, limit=REPORTS_PER_TICK, ascending=True).records
    return [_report_event(record) for record in records]


def situation_of(report: ReportEvent, instance: dg.DagsterInstance, settings: Settings) -> Situation:
    """What run storage and lakehouse say about a report's runs, batches and champion: no engine, no table read."""
    done = newest(instance, dg.RunsFilter(job_name=DRIFT_RETRAIN.name, statuses=[dg.DagsterRunStatus.SUCCESS]))
    return Situation(
        tried=attempts(instance, dg.RunsFilter(job_name=DRIFT_RETRAIN.name, tags={REPORT_TAG: report.report_id})),
        own_run=_own_run(report, instance),
        airflow=_retraining_airflow_run(report, instance),
        retraining=unfinished(instance, *RETRAINING),
        last_retrained=done.ended if done else None,
        waiting=_waiting(report, settings),
        champion=serving_store(settings).champion(),
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


def _waiting(report: ReportEvent, settings: Settings) -> frozenset[str]:
    """Those of the report's newest batches that wait still: what accepts one of its batches accepts all of them."""
    if not report.should_retrain:
        return frozenset()
    batches = newest_batches(read_report(settings, report.report_id))
    return frozenset(batches) - accepted_among(settings.storage.root, batches)


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

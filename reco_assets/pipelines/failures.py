"""Why a run failed, in words: the documented task, the step, and the clear message of what it raised."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dagster import DagsterEvent, DagsterEventType, DagsterInstance, DagsterRunStatus, RunsFilter

from reco_assets.pipelines.jobs import SPECS
from reco_assets.pipelines.spec import JobSpec
from resources.orchestrator.dagster_private import JobFailureData

SPEC_OF: Mapping[str, JobSpec] = {spec.name: spec for spec in SPECS}


@dataclass(frozen=True)
class Failure:
    """Why a run failed: the documented task and the step, where there is one, and the clear message."""

    reason: str
    step: str | None = None
    task: str | None = None

    def __str__(self) -> str:
        at = [f"task {self.task}" if self.task else "", self.step or ""]
        return ": ".join([*filter(None, at), self.reason])


@dataclass(frozen=True)
class FailedRun:
    """A run, when it ended (Unix seconds), and why."""

    job: str
    run_id: str
    ended: float | None
    failure: Failure

    def __str__(self) -> str:
        return f"run {self.run_id} of {self.job} failed: {self.failure}"


def failure_of(instance: DagsterInstance, run_id: str, event: DagsterEvent) -> Failure:
    """The first failed step with its own clear message; of a run that failed outside of its steps, what is known."""
    data = event.event_specific_data
    failure = data if isinstance(data, JobFailureData) else JobFailureData(error=None)
    step = failure.first_step_failure_event
    error = step.step_failure_data.error if step else failure.error
    if error is None:
        return Failure(event.message or "no reason was recorded")
    error = error.cause or error  # Dagster wraps what a step raised once
    text = re.sub(rf"^[\w.]*{re.escape(error.cls_name or '')}: ", "", error.message.strip())
    if step is None or step.step_key is None:
        return Failure(text)
    return Failure(text, step.step_key, tasks_of_steps(instance, run_id, event.job_name).get(step.step_key))


def last_failed_run(instance: DagsterInstance, since: datetime | None = None) -> FailedRun | None:
    """The newest run that failed, of those that changed since a moment; None where there is none."""
    failed = RunsFilter(statuses=[DagsterRunStatus.FAILURE], updated_after=since)
    for record in instance.get_run_records(failed, limit=1):
        run = record.dagster_run
        told = instance.get_records_for_run(run.run_id, of_type=DagsterEventType.RUN_FAILURE).records
        events = [event for each in told if (event := each.event_log_entry.dagster_event)]
        failure = failure_of(instance, run.run_id, events[0]) if events else Failure("no reason was recorded")
        return FailedRun(run.job_name, run.run_id, record.end_time, failure)
    return None


def tasks_of_steps(instance: DagsterInstance, run_id: str, job: str) -> dict[str, str]:
    """{step key: documented task whose asset it makes}, as the run itself planned it."""
    spec = SPEC_OF.get(job)
    if spec is None:
        return {}
    tasks = {asset: task.name for task in spec.tasks for asset in task.assets}
    planned = instance.all_logs(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    events = [entry.get_dagster_event() for entry in planned]
    found = {event.step_key: event.asset_key for event in events if event.step_key and event.asset_key}
    return {step: tasks[key] for step, asset in found.items() if (key := asset.to_user_string()) in tasks}

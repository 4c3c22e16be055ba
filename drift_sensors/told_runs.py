"""Runs as alerts name them: job, id, date, the documented task that failed, and why."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dagster import DagsterEvent, DagsterEventType, DagsterInstance

from drift_sensors.cursors import ATTEMPT_TAG
from reco_assets.pipelines.jobs import SPECS
from reco_assets.pipelines.spec import JobSpec
from resources.calls.slack import escaped
from resources.orchestrator.dagster_private import SCHEDULED_EXECUTION_TIME_TAG, JobFailureData

SPEC_OF: Mapping[str, JobSpec] = {spec.name: spec for spec in SPECS}


@dataclass(frozen=True)
class ToldRun:
    """A run: its date is that of its schedule, else when it was asked for (ISO 8601, UTC).

    `attempt` is as in "2/3" where a sensor tries it again, and gives up after the last.
    """

    job: str
    run_id: str
    date: str = ""
    attempt: str | None = None

    @property
    def in_slack(self) -> str:
        """What stands in parentheses behind the job's name."""
        date = f", date {escaped(self.date)}" if self.date else ""
        tried = f", attempt {escaped(self.attempt)}" if self.attempt else ""
        return f"(run `{self.run_id}`{date}{tried})"


@dataclass(frozen=True)
class Failure:
    """Why a run failed: the documented task and the step, where there is one, and the clear message."""

    reason: str
    step: str | None = None
    task: str | None = None

    def __str__(self) -> str:
        at = [f"task {self.task}" if self.task else "", self.step or ""]
        return ": ".join([*filter(None, at), self.reason])


def told_run(instance: DagsterInstance, run_id: str, job: str) -> ToldRun:
    """What is known of a run, which may have been deleted since."""
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        return ToldRun(job, run_id)
    tags = record.dagster_run.tags
    date = tags.get(SCHEDULED_EXECUTION_TIME_TAG) or record.create_timestamp.isoformat(timespec="seconds")
    return ToldRun(job, run_id, date, tags.get(ATTEMPT_TAG))


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


def failure_in_slack(run: ToldRun, failure: Failure) -> str:
    """One failed run."""
    return f":x: *{escaped(run.job)}* failed {run.in_slack}\n{escaped(str(failure))}"


def success_in_slack(run: ToldRun) -> str:
    """One run that someone waits for and that ended well."""
    return f":white_check_mark: *{escaped(run.job)}* succeeded {run.in_slack}"


def failure_by_mail(run: ToldRun, failure: Failure) -> tuple[str, str]:
    """Subject and text of the mail on one failed run."""
    task = f", task {failure.task}" if failure.task else ""
    subject = f"Failed: {run.job}{f'.{failure.task}' if failure.task else ''}"
    return subject, f"Failed: job {run.job}, run {run.run_id}, date {run.date}{task}\n\n{failure}\n"

"""Why a run failed, in words: the documented task, the step, and the clear message of what it raised."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dagster import DagsterEvent, DagsterEventType, DagsterInstance

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

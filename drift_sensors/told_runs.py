"""Runs as alerts name them: job, id, date, the documented task that failed, and why."""

from dataclasses import dataclass

from dagster import DagsterInstance

from drift_sensors.cursors import ATTEMPT_TAG
from reco_assets.pipelines.failures import Failure
from resources.calls.slack import escaped
from resources.orchestrator.dagster_private import SCHEDULED_EXECUTION_TIME_TAG


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


def told_run(instance: DagsterInstance, run_id: str, job: str) -> ToldRun:
    """What is known of a run, which may have been deleted since."""
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        return ToldRun(job, run_id)
    tags = record.dagster_run.tags
    date = tags.get(SCHEDULED_EXECUTION_TIME_TAG) or record.create_timestamp.isoformat(timespec="seconds")
    return ToldRun(job, run_id, date, tags.get(ATTEMPT_TAG))


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

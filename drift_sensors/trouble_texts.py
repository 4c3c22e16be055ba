"""What is written of failures and of their end: of a job, a check, or an asset that is overdue."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dagster import AssetCheckEvaluation, DagsterInstance

from drift_sensors.heard import Event
from drift_sensors.outages import Change, Level, News
from drift_sensors.told_runs import ToldRun, failure_by_mail, failure_in_slack, told_run
from reco_assets.pipelines.failures import Failure, failure_of
from reco_assets.pipelines.internal import STREAM_INTAKE
from reco_assets.pipelines.jobs import in_words
from resources.calls.slack import escaped
from resources.orchestrator.dagster_private import FreshnessStateChange

TOUCH = "Correct the cause, then touch one of the files in the streaming folder."
START = "Correct the cause, then start it again."
QUIET = "The next message says that it is well again."


@dataclass(frozen=True)
class Told:
    """News, and the event that they come from."""

    event: Event
    change: Change

    @property
    def of_job(self) -> bool:
        """Whether a run says it; its message stands alone."""
        return not isinstance(self.event.event.event_specific_data, AssetCheckEvaluation | FreshnessStateChange)


def in_slack(instance: DagsterInstance, told: Told) -> str:
    """The message in Slack's mrkdwn."""
    data = told.event.event.event_specific_data
    if isinstance(data, AssetCheckEvaluation):
        return _of_check(told, data)
    if isinstance(data, FreshnessStateChange):
        return _of_age(instance, told, data)
    run, failure = _run(instance, told)
    if told.change.news is News.WELL:
        return f":white_check_mark: *{escaped(run.job)}* works again {run.in_slack}\n{how_long(told)}"
    text = f"{failure_in_slack(run, failure)}\n{escaped(what_next(run, told))}"
    return text.replace(":x:", ":no_entry:", 1) if told.change.news is News.WORSE else text


def by_mail(instance: DagsterInstance, told: Told) -> tuple[str, str]:
    """Subject and text of the mail on a job."""
    run, failure = _run(instance, told)
    if told.change.news is News.WELL:
        return f"Well again: {run.job}", f"Works again: job {run.job}, run {run.run_id}\n\n{how_long(told)}\n"
    subject, text = failure_by_mail(run, failure)
    return subject, f"{text}\n{what_next(run, told)}\n"


def what_next(run: ToldRun, told: Told) -> str:
    """What follows a failure by itself, or what a person has to do."""
    again = TOUCH if run.job == STREAM_INTAKE.name else START
    if told.change.outage.level is Level.GIVEN_UP:
        return f"It was given up: no further attempt is made by itself. {again}"
    if run.attempt:
        return "It is tried again by itself. The next message says that it works again, or was given up."
    return f"{again} {QUIET}"


def how_long(told: Told) -> str:
    """How long it was out of order, since when, and how often it failed."""
    outage = told.change.outage
    down = in_words(timedelta(seconds=max(0, round(told.event.heard.at - outage.since))))
    since = datetime.fromtimestamp(outage.since, UTC)
    failures = f"{outage.failures:,} failure{'s' if outage.failures > 1 else ''}"
    return f"It was out of order for {down}, since {since:%Y-%m-%d %H:%M} UTC, with {failures}."


def _run(instance: DagsterInstance, told: Told) -> tuple[ToldRun, Failure]:
    event = told.event.event
    run = told_run(instance, told.event.run_id, event.job_name)
    return run, failure_of(instance, told.event.run_id, event)


def _of_check(told: Told, found: AssetCheckEvaluation) -> str:
    name = f"Check *{escaped(found.check_name)}* of *{escaped(found.asset_key.to_user_string())}*"
    if told.change.news is News.WELL:
        return f":white_check_mark: {name} passes again\n{how_long(told)}"
    sign, verb = (":warning:", "warns") if told.event.heard.level is Level.WARNS else (":x:", "failed")
    why = found.description or "Dagit shows what it found, at the asset under Checks."
    return f"{sign} {name} {verb} (run `{told.event.run_id}`)\n{escaped(why)}\n{QUIET}"


def _of_age(instance: DagsterInstance, told: Told, found: FreshnessStateChange) -> str:
    name = f"*{escaped(found.key.to_user_string())}*"
    if told.change.news is News.WELL:
        return f":white_check_mark: {name} is fresh again\n{how_long(told)}"
    made = instance.get_latest_materialization_event(found.key)
    last = f"It was last made {datetime.fromtimestamp(made.timestamp, UTC):%Y-%m-%d %H:%M} UTC. " if made else ""
    next_step = "Run what makes it, or see why that did not run: reco status."
    return f":hourglass_flowing_sand: {name} is overdue\n{last}{next_step}"

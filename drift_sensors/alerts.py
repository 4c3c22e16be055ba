"""Alerts to Slack: a run failed, a retraining started, a model was promoted or rejected, a file is not taken.

Every sensor reads all events since its cursor and moves the cursor past those that Slack took, so an alert that meets
an outage is sent later. Dagster's run status sensors and dagster-slack's move on whatever happens, and dagster-slack's
also builds its client, and so wants a token, when the code location loads: of that library the client alone is used.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster import DagsterEvent, DagsterEventType, DagsterInstance, EventLogRecord

from drift_sensors.cursors import ATTEMPT_TAG, SCORE_TAG
from drift_sensors.landing_alerts import landing_alert_sensor
from reco_assets.pipelines.jobs import RETRAINING
from reco_assets.pipelines.selections import PROMOTION
from reco_assets.split.acceptance import BY_HAND
from resources.calls.slack import SlackAlerts, escaped
from resources.orchestrator.dagster_private import JobFailureData
from resources.settings import Settings

ACCEPTED = dg.AssetKey(["stream", "accepted"])
CHAMPION = dg.AssetKey.from_user_string(PROMOTION[0])
INTERVAL_SECONDS = 15
ALERTS_PER_TICK = 20

Records = Callable[[DagsterInstance, int | None], Sequence[EventLogRecord]]
"""The events after a storage id, oldest first, at most `ALERTS_PER_TICK`; without an id the newest event alone."""

Message = Callable[[DagsterInstance, EventLogRecord], str | None]
"""What to say of an event; None when it calls for no alert."""


def alert_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """The four sensors, on by default; none when Slack is not configured."""
    slack = SlackAlerts(settings)
    if not slack.active:
        return []
    return [
        _alert_sensor("slack_on_run_failure", "Tells of every run that failed.", slack, run_failures, _of_failure),
        _alert_sensor(
            "slack_on_retrain_started",
            "Tells that waiting batches were accepted and a retraining began.",
            slack,
            materializations(ACCEPTED),
            _of_retrain,
        ),
        _alert_sensor(
            "slack_on_promotion",
            "Tells of every candidate that was promoted or rejected.",
            slack,
            materializations(CHAMPION),
            _of_promotion,
        ),
        landing_alert_sensor(settings, slack),
    ]


def failure_message(job: str, run_id: str, reason: str, attempt: str | None = None) -> str:
    """One failed run; `attempt` as in "2/3" where a sensor tries it again, and gives up after the last."""
    tried = f", attempt {escaped(attempt)}" if attempt else ""
    return f":x: *{escaped(job)}* failed (run `{run_id}`{tried})\n{escaped(reason)}"


def retrain_message(job: str, run_id: str, drift_score: str | None) -> str:
    """A retraining that began, with the drift score that caused it where the run knows it."""
    because = f", drift score {escaped(drift_score)}" if drift_score else ""
    return f":repeat: *{escaped(job)}* retrains the model{because} (run `{run_id}`)"


def promotion_message(metadata: Mapping[str, Any], run_id: str) -> str:
    """The decision on a candidate, from the metadata `promoted`, `reason`, `candidate`, `champion` of its asset."""
    candidate, champion = escaped(str(metadata["candidate"])), escaped(str(metadata["champion"]))
    decision = (
        f":white_check_mark: Model `{candidate}` was promoted"
        if metadata["promoted"]
        else f":no_entry: Model `{candidate}` was rejected, champion stays `{champion}`"
    )
    return f"{decision} (run `{run_id}`)\n{escaped(str(metadata['reason']))}"


def failure_reason(event: DagsterEvent) -> str:
    """The first failed step with its own clear message; of a run that failed outside of its steps, what is known."""
    data = event.event_specific_data
    failure = data if isinstance(data, JobFailureData) else JobFailureData(error=None)
    step = failure.first_step_failure_event
    error = step.step_failure_data.error if step else failure.error
    if error is None:
        return event.message or "no reason was recorded"
    error = error.cause or error  # Dagster wraps what a step raised once
    text = re.sub(rf"^[\w.]*{re.escape(error.cls_name or '')}: ", "", error.message.strip())
    return f"{step.step_key}: {text}" if step else text


def run_failures(instance: DagsterInstance, after: int | None) -> Sequence[EventLogRecord]:
    """`Records` of failed runs, of every job."""
    wanted = dg.RunStatusChangeRecordsFilter(event_type=DagsterEventType.RUN_FAILURE, after_storage_id=after)
    return instance.fetch_run_status_changes(wanted, limit=_limit(after), ascending=after is not None).records


def materializations(asset: dg.AssetKey) -> Records:
    """`Records` of an asset. `asset_sensor` would show the last of an interval alone."""

    def read(instance: DagsterInstance, after: int | None) -> Sequence[EventLogRecord]:
        wanted = dg.AssetRecordsFilter(asset_key=asset, after_storage_id=after)
        return instance.fetch_materializations(wanted, limit=_limit(after), ascending=after is not None).records

    return read


def _limit(after: int | None) -> int:
    return 1 if after is None else ALERTS_PER_TICK


def _of_failure(instance: DagsterInstance, record: EventLogRecord) -> str:
    event, run = record.event_log_entry.get_dagster_event(), instance.get_run_by_id(record.run_id)
    attempt = run.tags.get(ATTEMPT_TAG) if run else None
    return failure_message(event.job_name, record.run_id, failure_reason(event), attempt)


def _of_retrain(instance: DagsterInstance, record: EventLogRecord) -> str | None:
    run = instance.get_run_by_id(record.run_id)
    if run is None or run.job_name not in RETRAINING or _metadata(record).get("reason") == BY_HAND.reason:
        return None
    return retrain_message(run.job_name, run.run_id, run.tags.get(SCORE_TAG))


def _of_promotion(_instance: DagsterInstance, record: EventLogRecord) -> str | None:
    values = _metadata(record)
    if not values.keys() >= {"promoted", "reason", "candidate", "champion"}:  # reported by hand
        return None
    return promotion_message(values, record.run_id)


def _metadata(record: EventLogRecord) -> dict[str, Any]:
    made = record.asset_materialization
    return {name: entry.value for name, entry in made.metadata.items()} if made else {}


def _alert_sensor(
    name: str, description: str, slack: SlackAlerts, records: Records, message: Message
) -> dg.SensorDefinition:
    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        if context.cursor is None:  # who turns Slack on wants no news of the past
            newest = records(context.instance, None)
            start = newest[0].storage_id if newest else 0
            return dg.SensorResult(cursor=str(start), skip_reason="Alerts begin with what happens from now on.")
        cursor, sent = int(context.cursor), 0
        for record in records(context.instance, cursor):
            text = message(context.instance, record)
            if text is not None:
                if not slack.post(text):
                    reason = "Slack did not take an alert; it is sent again at the next tick."
                    return dg.SensorResult(cursor=str(cursor), skip_reason=reason)
                sent += 1
            cursor = record.storage_id
        return dg.SensorResult(cursor=str(cursor), skip_reason=f"{sent} alerts sent.")

    return dg.SensorDefinition(
        name=name,
        description=description,
        evaluation_fn=evaluate,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )

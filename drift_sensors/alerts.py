"""Who hears of what: channels of failures, awaited runs, retrainings, promotions, files, the day; mail of failures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster import DagsterEventType, DagsterInstance, EventLogRecord

from drift_sensors.digest_sensor import digest_sensor
from drift_sensors.landing_alerts import landing_alert_sensor
from drift_sensors.telling import Tell, materializations, metadata_of, run_changes, telling_sensor
from drift_sensors.told_runs import success_in_slack, told_run
from drift_sensors.trouble import trouble_sensor
from drift_sensors.trouble_texts import Told, by_mail, in_slack
from reco_assets.pipelines import selections
from reco_assets.pipelines.documented import DOCUMENTED_SPECS
from reco_assets.pipelines.failures import SPEC_OF
from reco_assets.pipelines.jobs import RETRAINING
from reco_assets.split.acceptance import BY_HAND
from resources.calls.channels import Channel, channels
from resources.calls.mail import Mailer
from resources.calls.slack import escaped
from resources.settings import Settings

ACCEPTED = dg.AssetKey(["stream", "accepted"])
EXPERIMENT, CHAMPION = (dg.AssetKey.from_user_string(key) for key in (selections.EXPERIMENT[0], selections.CHAMPION))
DOCUMENTED = frozenset(f"job {spec.name}" for spec in DOCUMENTED_SPECS)
SUCCESSES = run_changes(DagsterEventType.RUN_SUCCESS)

Message = Callable[[DagsterInstance, EventLogRecord], str | None]
"""What to say of an event; None when it calls for no alert."""


def alert_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """The sensors of the listeners that are configured, on by default."""
    mailer = Mailer(settings)
    return [
        *(sensor for channel in channels(settings) for sensor in _channel_sensors(settings, channel)),
        *([_mail_sensor(mailer)] if mailer.active else ()),
    ]


def _channel_sensors(settings: Settings, channel: Channel) -> list[dg.SensorDefinition]:
    told = {
        "on_run_success": (
            "Tells of every run that succeeded and that someone waits for.",
            SUCCESSES,
            _of_success,
        ),
        "on_retrain_started": (
            "Tells that waiting batches were accepted and a retraining began.",
            materializations(ACCEPTED),
            _of_retrain,
        ),
        "on_promotion": (
            "Tells of every candidate that was promoted or rejected.",
            materializations(CHAMPION),
            _of_promotion,
        ),
        "on_experiment": (
            "Tells of every experiment that came to its end.",
            materializations(EXPERIMENT),
            _of_experiment,
        ),
    }
    sensors = [
        telling_sensor(f"{channel.name}_{name}", description, channel.label, records, _by(channel, message))
        for name, (description, records, message) in told.items()
    ]
    hour = settings.alerts.digest_hour
    digest = [] if hour is None else [digest_sensor(channel, hour)]
    return [_trouble_sensor(channel), *sensors, landing_alert_sensor(settings, channel), *digest]


def _mail_sensor(mailer: Mailer) -> dg.SensorDefinition:
    """Of the documented pipelines, as their Airflow DAGs tell failures; of the others channels alone."""

    def tell(instance: DagsterInstance, news: Sequence[Told]) -> bool:
        (told,) = news
        identity = f"{told.event.run_id}.{told.event.storage_id}"
        return mailer.send(*by_mail(instance, told), identity=identity)

    return trouble_sensor(
        "mail_on_trouble",
        "Mails of a documented pipeline that fails, and that works again.",
        "The mail server",
        lambda event: event.heard.subject in DOCUMENTED,
        tell,
    )


def _trouble_sensor(channel: Channel) -> dg.SensorDefinition:
    def tell(instance: DagsterInstance, news: Sequence[Told]) -> bool:
        return channel.post("\n\n".join(in_slack(instance, told) for told in news))

    return trouble_sensor(
        f"{channel.name}_on_trouble",
        "Tells of jobs, checks and overdue assets: the first failure, giving up, and that they are well again.",
        channel.label,
        lambda _event: True,
        tell,
    )


def _by(channel: Channel, message: Message) -> Tell:
    def tell(instance: DagsterInstance, record: EventLogRecord) -> bool | None:
        text = message(instance, record)
        return None if text is None else channel.post(text)

    return tell


def retrain_message(job: str, run_id: str, reason: str) -> str:
    """A retraining that began, and why by the drift report that called for it: the score, triggers, or both."""
    return f":repeat: *{escaped(job)}* retrains the model (run `{run_id}`)\n{escaped(reason)}".rstrip()


def promotion_message(metadata: Mapping[str, Any], run_id: str) -> str:
    """The decision on a candidate, from the metadata `promoted`, `reason`, `candidate`, `champion` of its asset."""
    candidate, champion = escaped(str(metadata["candidate"])), escaped(str(metadata["champion"]))
    decision = (
        f":white_check_mark: Model `{candidate}` was promoted"
        if metadata["promoted"]
        else f":hourglass_flowing_sand: Model `{candidate}` waits, champion stays `{champion}`"
        if metadata.get("waits")
        else f":no_entry: Model `{candidate}` was rejected, champion stays `{champion}`"
    )
    return f"{decision} (run `{run_id}`)\n{escaped(str(metadata['reason']))}"


def _of_success(instance: DagsterInstance, record: EventLogRecord) -> str | None:
    job = record.event_log_entry.get_dagster_event().job_name
    if job not in SPEC_OF or not SPEC_OF[job].announced:
        return None
    return success_in_slack(told_run(instance, record.run_id, job))


def _of_retrain(instance: DagsterInstance, record: EventLogRecord) -> str | None:
    run, reason = instance.get_run_by_id(record.run_id), str(metadata_of(record).get("reason", ""))
    if run is None or run.job_name not in RETRAINING or reason == BY_HAND.reason:
        return None
    return retrain_message(run.job_name, run.run_id, reason)


def _of_promotion(_instance: DagsterInstance, record: EventLogRecord) -> str | None:
    values = metadata_of(record)
    if not values.keys() >= {"promoted", "reason", "candidate", "champion"}:  # reported by hand
        return None
    return promotion_message(values, record.run_id)


def _of_experiment(instance: DagsterInstance, record: EventLogRecord) -> str | None:
    return _of_promotion(instance, record) if metadata_of(record).get("ended") else None

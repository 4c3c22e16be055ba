"""Sensors that tell of events: each reads all since its cursor, and moves the cursor past those that were taken.

So an alert that meets an outage is sent later, and none twice: each listener has a sensor, and with it a cursor, of its
own. Dagster's run status sensors and dagster-slack's move on whatever happens, and dagster-slack's also builds its
client, and so wants a token, when the code location loads: of that library the client alone is used.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg
from dagster import DagsterEventType, DagsterInstance, EventLogRecord

INTERVAL_SECONDS = 15
ALERTS_PER_TICK = 20
TICK_SECONDS = 30.0  # of the 60 after which Dagster ends a tick, and forgets what it told

Records = Callable[[DagsterInstance, int | None], Sequence[EventLogRecord]]
"""The events after a storage id, oldest first, at most `ALERTS_PER_TICK`; without an id the newest event alone."""

Tell = Callable[[DagsterInstance, EventLogRecord], bool | None]
"""Tells of an event: whether the listener took it; None when the event calls for no alert."""


def run_changes(event_type: DagsterEventType) -> Records:
    """`Records` of runs that came to a status, of every job."""

    def read(instance: DagsterInstance, after: int | None) -> Sequence[EventLogRecord]:
        wanted = dg.RunStatusChangeRecordsFilter(event_type=event_type, after_storage_id=after)  # type: ignore[arg-type]
        return instance.fetch_run_status_changes(wanted, limit=_limit(after), ascending=after is not None).records

    return read


def materializations(asset: dg.AssetKey) -> Records:
    """`Records` of an asset. `asset_sensor` would show the last of an interval alone."""

    def read(instance: DagsterInstance, after: int | None) -> Sequence[EventLogRecord]:
        wanted = dg.AssetRecordsFilter(asset_key=asset, after_storage_id=after)
        return instance.fetch_materializations(wanted, limit=_limit(after), ascending=after is not None).records

    return read


def metadata_of(record: EventLogRecord) -> dict[str, Any]:
    """The metadata of a materialisation, as plain values."""
    made = record.asset_materialization
    return {name: entry.value for name, entry in made.metadata.items()} if made else {}


def telling_sensor(name: str, description: str, listener: str, records: Records, tell: Tell) -> dg.SensorDefinition:
    """The sensor that tells a listener of these events, on by default."""

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        if context.cursor is None:  # who turns it on wants no news of the past
            newest = records(context.instance, None)
            start = newest[0].storage_id if newest else 0
            return dg.SensorResult(cursor=str(start), skip_reason="Alerts begin with what happens from now on.")
        cursor, sent, deadline = int(context.cursor), 0, time.monotonic() + TICK_SECONDS
        for record in records(context.instance, cursor):
            try:
                taken = tell(context.instance, record)
            except Exception as error:
                if not sent:
                    raise
                # The cursor must not stay before what was told, or that is told again; the next tick raises.
                return dg.SensorResult(cursor=str(cursor), skip_reason=f"{sent} alerts sent, then: {error}")
            if taken is False:
                reason = f"{listener} did not take an alert; it is sent again at the next tick."
                return dg.SensorResult(cursor=str(cursor), skip_reason=reason)
            sent += taken is True
            cursor = record.storage_id
            if time.monotonic() > deadline:
                break
        return dg.SensorResult(cursor=str(cursor), skip_reason=f"{sent} alerts sent.")

    return dg.SensorDefinition(
        name=name,
        description=description,
        evaluation_fn=evaluate,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )


def _limit(after: int | None) -> int:
    return 1 if after is None else ALERTS_PER_TICK

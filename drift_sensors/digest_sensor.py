"""The sensor that once a day sends a digest to a channel.

It counts at every tick what the event log has new, and keeps the counts in its cursor: neither a restart nor a channel
that is away loses or repeats any.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from time import monotonic, time
from typing import Any

import dagster as dg
from dagster import DagsterInstance

from drift_sensors.digest import Day, State, decided, due, dump, hear, load, message, reported, taken_in
from drift_sensors.heard import events_after, newest_event
from drift_sensors.outages import Book
from drift_sensors.telling import TICK_SECONDS, materializations, metadata_of
from reco_assets.pipelines.selections import CHAMPION
from reco_assets.tables import RECOMMENDATIONS_ALS
from resources.calls.channels import Channel

INTERVAL_SECONDS = 60
LISTS = dg.AssetKey.from_user_string(RECOMMENDATIONS_ALS.name)
COUNTED: Mapping[str, Callable[[Day, Mapping[str, Any]], Day]] = {
    CHAMPION: decided,
    "drift/report": reported,
    "stream/ratings": taken_in,
}


def digest_sensor(channel: Channel, hour: int) -> dg.SensorDefinition:
    """The sensor that sends a digest at an hour (UTC), or at the first tick after it; on by default."""

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now = time()
        if context.cursor is None:
            newest = newest_event(context.instance)
            start = State(now, Book(newest), dict.fromkeys(COUNTED, newest))
            return dg.SensorResult(cursor=dump(start), skip_reason="The digest counts what happens from now on.")
        state, is_whole = _catch_up(context.instance, load(context.cursor), monotonic() + TICK_SECONDS)
        words = "No digest is due." if is_whole else "There is more in the event log; the next tick counts on."
        if is_whole and due(now, state.sent, hour):
            made = context.instance.get_latest_materialization_event(LISTS)
            if channel.post(message(state, made.timestamp if made else None, now)):
                state, words = replace(state, sent=now, day=Day()), "The digest was sent."
            else:
                words = f"{channel.label} did not take the digest; it is sent again at the next tick."
        return dg.SensorResult(cursor=dump(state), skip_reason=words)

    return dg.SensorDefinition(
        name=f"{channel.name}_digest",
        description=f"Sends a digest of the day at {hour:02d}:00 UTC: failures, decisions, drift, what came in.",
        evaluation_fn=evaluate,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )


def _catch_up(instance: DagsterInstance, state: State, deadline: float) -> tuple[State, bool]:
    """The state after what is new in the log, and whether that is all; read in pieces up to a `time.monotonic()`."""
    while monotonic() < deadline:
        further = _read_on(instance, state)
        if further == state:
            return state, True
        state = further
    return state, False


def _read_on(instance: DagsterInstance, state: State) -> State:
    events, last = events_after(instance, state.book.after)
    for event in events:
        state = hear(state, event.heard)
    day, seen = state.day, dict(state.seen)
    for asset, count in COUNTED.items():
        for record in materializations(dg.AssetKey.from_user_string(asset))(instance, seen[asset]):
            day, seen[asset] = count(day, metadata_of(record)), record.storage_id
    return replace(state, book=replace(state.book, after=last), day=day, seen=seen)

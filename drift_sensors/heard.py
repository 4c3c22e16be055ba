"""What the event log says of jobs, checks and freshness, as what is heard of them."""

from dataclasses import dataclass

from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    EventLogEntry,
)

from drift_sensors.cursors import ATTEMPT_TAG
from drift_sensors.outages import Heard, Level
from resources.orchestrator.dagster_private import FreshnessState, FreshnessStateChange

TYPES = (
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.RUN_SUCCESS,
    DagsterEventType.ASSET_CHECK_EVALUATION,
    DagsterEventType.FRESHNESS_STATE_CHANGE,
)
EVENTS_PER_TICK = 200
SELECTION = "__ASSET_JOB"  # what Dagster calls the job of a selection of assets
# Warnings of these are decisions and files, of which there are messages of their own.
TOLD_OTHERWISE = ("drift/report", "stream/ratings")
DECISIONS = ("_evaluation", "_champion")


@dataclass(frozen=True)
class Event:
    """An event of the log that says how a subject is."""

    storage_id: int
    run_id: str
    event: DagsterEvent
    heard: Heard


def newest_event(instance: DagsterInstance) -> int:
    """The place in the log of what happened last."""
    return instance.event_log_storage.get_maximum_record_id() or 0


def events_after(instance: DagsterInstance, after: int) -> tuple[list[Event], int]:
    """The events after a place in the log, in its order, and the place up to which nothing was left out.

    Dagster reads one type at a time; where one has more than a tick's, what lies behind these waits for the next tick.
    """
    entries, ends = dict[int, EventLogEntry](), list[int]()
    for kind in TYPES:
        of_kind = instance.event_log_storage.get_logs_for_all_runs_by_log_id(after, kind, EVENTS_PER_TICK)
        entries |= of_kind
        if len(of_kind) == EVENTS_PER_TICK:
            ends.append(max(of_kind))
    places = [place for place in sorted(entries) if not ends or place <= min(ends)]
    events = [
        Event(place, entries[place].run_id, event, heard)
        for place in places
        if (heard := heard_of(instance, entries[place], event := entries[place].get_dagster_event()))
    ]
    return events, places[-1] if places else after


def heard_of(instance: DagsterInstance, entry: EventLogEntry, event: DagsterEvent) -> Heard | None:
    """What an event says of its subject; None where that is told otherwise, or nothing."""
    data = event.event_specific_data
    if isinstance(data, AssetCheckEvaluation):
        return of_check(data, entry.timestamp)
    if isinstance(data, FreshnessStateChange):
        return of_freshness(data)
    run = instance.get_run_by_id(entry.run_id)
    if event.event_type is DagsterEventType.RUN_SUCCESS:
        return Heard(job_subject(run, event.job_name), entry.timestamp, None)
    tried = (run.tags.get(ATTEMPT_TAG, "") if run else "").split("/")
    is_last = len(tried) == 2 and tried[0] == tried[1]
    return Heard(job_subject(run, event.job_name), entry.timestamp, Level.GIVEN_UP if is_last else Level.FAILS)


def of_check(found: AssetCheckEvaluation, at: float) -> Heard | None:
    """What a check says; None of a warning on a decision or on files, which have messages of their own."""
    asset = found.asset_key.to_user_string()
    subject = f"check {found.check_name} of {asset}"
    if found.passed:
        return Heard(subject, at, None)
    if found.severity is AssetCheckSeverity.ERROR:
        return Heard(subject, at, Level.FAILS)
    told_otherwise = asset in TOLD_OTHERWISE or asset.endswith(DECISIONS)
    return None if told_otherwise else Heard(subject, at, Level.WARNS)


def of_freshness(found: FreshnessStateChange) -> Heard | None:
    """Whether an asset is overdue; None of one that will be soon, or that was never made."""
    subject = f"age of {found.key.to_user_string()}"
    if found.new_state is FreshnessState.FAIL:
        return Heard(subject, found.state_change_timestamp, Level.FAILS)
    return Heard(subject, found.state_change_timestamp, None) if found.new_state is FreshnessState.PASS else None


def job_subject(run: DagsterRun | None, job: str) -> str:
    """What a run says something about: its job, or the assets that somebody selected."""
    if run is None or job != SELECTION:
        return f"job {job}"
    chosen = sorted(key.to_user_string() for key in run.asset_selection or ())
    return f"job of {', '.join(chosen[:3])}" + (f" and {len(chosen) - 3} more" if len(chosen) > 3 else "")

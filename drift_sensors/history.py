"""Dagster's history kept short: runs that ended long ago are deleted, with their events and compute logs.

A file a minute makes 525,600 runs a year, of 0.1 MB each, and every list of runs grows with them.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster import DagsterInstance, DagsterRun

from drift_sensors.cursors import ENDED
from resources.orchestrator.dagster_private import SqliteEventLogStorage

INTERVAL_SECONDS = 60
TICK_SECONDS = 20.0  # of the 60 after which Dagster ends a tick
RUNS_PER_TICK = 200


def history_sensor(days: int) -> dg.SensorDefinition:
    """The sensor that deletes runs older than so many days, on by default."""

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        before = datetime.now(UTC) - timedelta(days=days)
        deleted = prune_history(context.instance, before, time.monotonic() + TICK_SECONDS)
        return dg.SkipReason(f"{len(deleted)} runs that were older than {days} days were deleted.")

    return dg.SensorDefinition(
        name="history_sensor",
        description="Deletes runs that ended long ago, but for those that last made an asset.",
        evaluation_fn=evaluate,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )


def prune_history(instance: DagsterInstance, before: datetime, deadline: float) -> list[str]:
    """Delete the oldest runs that ended and were created before a time, at most `RUNS_PER_TICK`; returns their ids.

    Runs that last made an asset stay, or the asset would count as never made. `deadline`: of `time.monotonic()`.
    """
    deleted = []
    for run in _expired(instance, before):
        if time.monotonic() > deadline:
            break
        _delete(instance, run)
        deleted.append(run.run_id)
    return deleted


def _expired(instance: DagsterInstance, before: datetime) -> Sequence[DagsterRun]:
    filters = dg.RunsFilter(statuses=list(ENDED), created_before=before)
    oldest = instance.get_runs(filters, limit=1, ascending=True)
    if not oldest:
        return []
    records = [record.asset_entry for record in instance.get_asset_records()]
    made = {event.run_id for event in (record.last_materialization_record for record in records) if event}
    found = instance.get_runs(filters, limit=RUNS_PER_TICK + len(made), ascending=True)
    return [run for run in found if run.run_id not in made][:RUNS_PER_TICK]


def _delete(instance: DagsterInstance, run: DagsterRun) -> None:
    instance.delete_run(run.run_id)
    instance.compute_log_manager.delete_logs(prefix=[run.run_id])
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):  # it empties the run's own file of events, and leaves it: 0.1 MB
        shard = Path(storage.path_for_shard(run.run_id))
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                shard.with_name(f"{shard.name}{suffix}").unlink()

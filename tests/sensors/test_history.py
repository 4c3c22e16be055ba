"""Dagster's history: what ended long ago is deleted, what last made an asset stays."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from drift_sensors.history import history_sensor, prune_history

YEARS = timedelta(days=10_000)


@dg.asset
def table(context: dg.AssetExecutionContext) -> int:
    print("made")
    return 1


@dg.op
def nothing() -> None:
    """Do nothing."""


@dg.job
def idle() -> None:
    nothing()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def prune(instance: dg.DagsterInstance, age: timedelta = -YEARS) -> list[str]:
    return prune_history(instance, datetime.now(UTC) - age, time.monotonic() + 60)


def test_an_old_run_goes_with_its_events_its_compute_logs_and_its_file(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    run_id = idle.execute_in_process(instance=instance).run_id
    logs = tmp_path / "storage" / run_id / "compute_logs"
    logs.mkdir(parents=True, exist_ok=True)
    (logs / "step.out").write_text("said")
    assert prune(instance) == [run_id]
    assert instance.get_run_by_id(run_id) is None
    assert not [path for path in tmp_path.rglob("*") if run_id in path.name]
    assert prune(instance) == []


def test_the_run_that_last_made_an_asset_stays_and_the_asset_stays_made(instance: dg.DagsterInstance) -> None:
    first, last = (dg.materialize([table], instance=instance).run_id for _ in range(2))
    assert prune(instance) == [first]
    assert instance.get_run_by_id(last) is not None
    event = instance.get_latest_materialization_event(table.key)
    assert event is not None
    assert event.run_id == last


def test_younger_runs_stay(instance: dg.DagsterInstance) -> None:
    run_id = idle.execute_in_process(instance=instance).run_id
    assert prune(instance, timedelta(days=1)) == []
    assert instance.get_run_by_id(run_id) is not None


def test_a_run_that_has_not_ended_stays(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(idle, status=dg.DagsterRunStatus.STARTED)
    assert prune(instance) == []
    assert instance.get_run_by_id(run.run_id) is not None


def test_past_its_deadline_a_tick_leaves_the_rest_to_the_next(instance: dg.DagsterInstance) -> None:
    idle.execute_in_process(instance=instance)
    assert prune_history(instance, datetime.now(UTC) + YEARS, time.monotonic() - 1) == []


def test_the_sensor_says_how_many_runs_it_deleted(instance: dg.DagsterInstance) -> None:
    context = dg.build_sensor_context(instance=instance)
    result = history_sensor(30).evaluate_tick(context)
    assert result.skip_message == "0 runs that were older than 30 days were deleted."

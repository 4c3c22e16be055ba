"""Runs that commands make in processes of their own, on hosts that the storage of runs doesn't name."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRunStatus

from drift_sensors.ghost_runs import fail_ghost_runs
from resources.orchestrator import run_locks
from resources.orchestrator.run_locks import living, was_killed

HOLDS = """
import sys, time
from pathlib import Path
from resources.locking.locks import held
with held(Path(sys.argv[1]), "a run", 0):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    """An instance whose storage could be that of several machines, as Postgres is."""
    with dg.instance_for_test() as found:
        monkeypatch.setattr(run_locks, "SqliteRunStorage", ())
        monkeypatch.setattr("drift_sensors.ghost_runs.named_by_its_process", lambda _: False)
        yield found


def begun(instance: DagsterInstance) -> str:
    job = dg.JobDefinition(name="__ASSET_JOB", graph_def=dg.GraphDefinition("empty"))
    return str(instance.create_run_for_job(job, status=DagsterRunStatus.STARTED).run_id)


def test_the_run_of_a_command_that_is_killed_on_any_host_is_failed(instance: DagsterInstance, tmp_path: Path) -> None:
    run_id = begun(instance)
    lock = tmp_path / "_locks" / "runs" / f"{run_id}.lock"
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(lock)], stdout=subprocess.PIPE) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == b"held\n"
        assert fail_ghost_runs(instance, tmp_path) == []
        command.kill()
    assert fail_ghost_runs(instance, tmp_path) == [run_id]
    assert not lock.exists()


def test_a_run_that_ends_by_itself_leaves_no_lock(instance: DagsterInstance, tmp_path: Path) -> None:
    with living(instance, tmp_path, "run"):
        assert not was_killed(tmp_path, "run")
        assert [path.name for path in tmp_path.rglob("*.lock")] == ["run.lock"]
    assert list(tmp_path.rglob("*.lock")) == []


def test_of_a_run_without_a_lock_nothing_is_known(instance: DagsterInstance, tmp_path: Path) -> None:
    begun(instance)
    assert fail_ghost_runs(instance, tmp_path) == []


def test_storage_on_this_machine_needs_no_locks(tmp_path: Path) -> None:
    for found in (dg.instance_for_test(), DagsterInstance.ephemeral()):
        with found as local, living(local, tmp_path, "run"):
            assert list(tmp_path.iterdir()) == []

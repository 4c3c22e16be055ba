"""What tells that the process of a run lives where its host is not known: a lock that it holds.

A run that a command makes in its own process is on record without its host. Where Dagster's storage is a local file,
that is this machine; with Postgres it is any that shares the lakehouse, such as Airflow's container. The kernel frees
the lock of a process that dies, whichever container it was in.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from resources.locking.locks import LockError, held, take
from resources.orchestrator.dagster_private import SqliteRunStorage

if TYPE_CHECKING:
    from dagster import DagsterInstance


def named_by_its_process(instance: "DagsterInstance") -> bool:
    """Whether the process ids on record of this storage are those of this machine."""
    return isinstance(instance.run_storage, SqliteRunStorage)


@contextmanager
def living(instance: "DagsterInstance", lakehouse: Path, run_id: str) -> Iterator[None]:
    """Hold the lock of a run while it is made in this process, where its process id says nothing."""
    if instance.is_ephemeral or named_by_its_process(instance):
        yield
        return
    lock = _lock(lakehouse, run_id)
    with held(lock, f"run {run_id}", 0):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def was_killed(lakehouse: Path, run_id: str) -> bool:
    """Whether the process of a run held its lock and is gone; False where it lives, or held none in this lakehouse."""
    try:
        handle = os.open(_lock(lakehouse, run_id), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        take(handle, f"run {run_id}", 0)
    except LockError:
        return False
    else:
        return True
    finally:
        os.close(handle)


def forget(lakehouse: Path, run_id: str) -> None:
    """Remove what a killed process left."""
    _lock(lakehouse, run_id).unlink(missing_ok=True)


def _lock(lakehouse: Path, run_id: str) -> Path:
    return lakehouse / "_locks" / "runs" / f"{run_id}.lock"

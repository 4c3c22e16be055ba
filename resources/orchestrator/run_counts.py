"""What Dagster's storage holds of all runs together, one statement a question: its own calls take one for each job."""

from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg
from sqlalchemy import func, select

from resources.orchestrator.dagster_private import RunsTable, SqlRunStorage

_RUN = RunsTable.c


@dataclass(frozen=True)
class Ended:
    """When a run began and ended, in Unix seconds."""

    start: float
    end: float


def counts(instance: dg.DagsterInstance) -> Mapping[tuple[str, dg.DagsterRunStatus], int]:
    """How many runs are kept, by job and status."""
    by = (_RUN.pipeline_name, _RUN.status)
    rows = _storage(instance).fetchall(select(*by, func.count().label("runs")).group_by(*by))
    return {(row["pipeline_name"], dg.DagsterRunStatus(row["status"])): row["runs"] for row in rows}


def last_successes(instance: dg.DagsterInstance) -> Mapping[str, Ended]:
    """The newest run of each job that succeeded."""
    succeeded = _RUN.status == dg.DagsterRunStatus.SUCCESS.value
    newest = select(func.max(_RUN.id)).where(succeeded).group_by(_RUN.pipeline_name)
    query = select(_RUN.pipeline_name, _RUN.start_time, _RUN.end_time).where(_RUN.id.in_(newest))
    return {
        row["pipeline_name"]: Ended(row["start_time"], row["end_time"])
        for row in _storage(instance).fetchall(query)
        if row["start_time"] and row["end_time"]
    }


def _storage(instance: dg.DagsterInstance) -> SqlRunStorage:
    storage = instance.run_storage
    if not isinstance(storage, SqlRunStorage):
        raise TypeError(f"Runs are counted in an SQL storage, and this is {type(storage).__name__}.")
    return storage

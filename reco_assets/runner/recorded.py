"""What each stage of a run took, noted in ops/runs as the run ends, whichever door started it.

The run's own process hears Dagster's events as they happen, so that it measures itself at the two ends of each step. A
process that is killed leaves no row.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from reco_assets.batches.named import BATCHES
from reco_assets.ops.stage import FAILED, RETRIED, STOPPED, SUCCEEDED, Stage, Written
from reco_assets.ops.store import note_stages
from resources.airflow import DAG_TAG, TASK_TAG
from resources.plain_errors import explain
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import put_since
from resources.usage import Meter

PATIENCE_SECONDS = 30.0  # for the table's lock: a run must not wait long for its own bookkeeping
CLOCK_SECONDS = 0.01  # by so much the clock of files may be behind
VERSION_OF = {"models": ("version", "candidate"), "gold": ("model_version",)}  # by layer: which metadata names it
NO_VERSION = "none"

_BEGINS = (dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_RESTARTED)
_ENDS = {
    dg.DagsterEventType.STEP_SUCCESS: SUCCEEDED,
    dg.DagsterEventType.STEP_FAILURE: FAILED,
    dg.DagsterEventType.STEP_UP_FOR_RETRY: RETRIED,
}

Metadata = Mapping[str, Any]


@contextmanager
def recorded(context: dg.InitResourceContext, lakehouse: Lakehouse) -> Iterator[None]:
    """Note what the stages of the run took that takes this resource; where that fails, one line of its log says so."""
    run = context.run
    if run is None or context.instance is None or lakehouse.settings.storage.format != "delta":
        yield
        return
    task = [run.tags[tag] for tag in (DAG_TAG, TASK_TAG) if tag in run.tags]
    recorder = Recorder(lakehouse, run.run_id, ".".join(task) or run.job_name)
    context.instance.add_event_listener(run.run_id, recorder.hear)
    try:
        yield
    finally:
        if (problem := recorder.close()) and context.log is not None:
            context.log.warning(f"What this run took is not in ops/runs: {problem}")


@dataclass
class _Open:
    """A step under way."""

    stage: str
    began: float  # Unix seconds
    made: dict[str, Metadata] = field(default_factory=dict)  # metadata by asset
    checked: list[str] = field(default_factory=list)  # assets


class Recorder:
    """Turns the events of one run into stages. Nothing that goes wrong here may end the run."""

    def __init__(self, lakehouse: Lakehouse, run_id: str, job: str) -> None:
        engine = lakehouse.settings.engine
        self._lakehouse, self._run_id, self._job = lakehouse, run_id, job
        self._meter = Meter(spark=engine.name == "spark" and not engine.remote)
        self._open: _Open | None = None
        self._versions: dict[str, str] = {}  # which the run made, judged or listed, by asset
        self._stages: list[Stage] = []
        self._problem, self._closed = "", False

    def hear(self, entry: dg.EventLogEntry) -> None:
        """Take an event of the run."""
        event = entry.dagster_event
        if event is None or event.step_key is None or self._closed:
            return
        try:
            self._take(event)
        except Exception as error:
            self._problem = explain(error)

    def close(self) -> str:
        """Note every stage; returns what kept it from that, or nothing."""
        self._closed = True
        try:
            if self._open is not None:
                self._end(self._open, STOPPED)
            settings = self._lakehouse.settings.changed(lock_timeout_seconds=PATIENCE_SECONDS)
            note_stages(replace(self._lakehouse, settings=settings), self._stages)
        except Exception as error:
            self._problem = explain(error)
        return self._problem

    def _take(self, event: dg.DagsterEvent) -> None:
        if event.event_type in _BEGINS:
            self._open = _Open(str(event.step_key).replace("__", "/"), time.time())
            self._meter.begin()
        elif self._open is None:
            return
        elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            found = event.step_materialization_data.materialization
            plain = {name: value.value for name, value in found.metadata.items()}
            self._open.made[found.asset_key.to_user_string()] = plain
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            self._open.checked.append(event.asset_check_evaluation_data.asset_key.to_user_string())
        elif event.event_type in _ENDS:
            self._end(self._open, _ENDS[event.event_type])

    def _end(self, step: _Open, outcome: str) -> None:
        used, self._open = self._meter.end(), None
        self._versions |= {asset: version for asset, told in step.made.items() if (version := _version(asset, told))}
        batches: Metadata = next((told[BATCHES] for told in step.made.values() if BATCHES in told), {})
        self._stages.append(
            Stage(
                self._run_id,
                self._job,
                step.stage,
                datetime.fromtimestamp(step.began, UTC),
                outcome,
                used.wall_seconds,
                used.cpu_seconds,
                used.peak_memory_mib,
                written=tuple(self._written(asset, told, step.began) for asset, told in step.made.items()),
                model_version=self._version_of(step),
                batches=tuple(batches.get("newest", ())),
                batch_count=batches.get("count", 0),
            )
        )

    def _version_of(self, step: _Open) -> str | None:
        """The version that a step made or looked at; of one that failed, the one that its family's candidate made."""
        family, _, _ = step.stage.rpartition("_")
        about = (*step.made, *step.checked, f"{family}_candidate")
        return next((self._versions[asset] for asset in about if asset in self._versions), None)

    def _written(self, asset: str, told: Metadata, began: float) -> Written:
        since = began - CLOCK_SECONDS
        if "delta_version" in told:
            put = put_since(self._lakehouse.path(asset), told["delta_version"], since)
            return Written(asset, put.rows, put.bytes)
        return Written(asset, None, _bytes_since(Path(told["path"]), since) if "path" in told else 0)


def _version(asset: str, told: Metadata) -> str | None:
    names = VERSION_OF.get(asset.partition("/")[0], ())
    found = next((str(told[name]) for name in names if name in told), NO_VERSION)
    return None if found == NO_VERSION else found


def _bytes_since(path: Path, since: float) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(found.st_size for found in (file.stat() for file in files) if found.st_mtime >= since)

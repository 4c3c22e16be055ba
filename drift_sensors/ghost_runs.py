"""Runs whose process is gone are failed, so that none blocks the queue for good.

Dagster's default launcher has no health check, and its run monitoring looks only at runs that never start, that never
end, or whose launcher can be asked: a run killed together with its code server stays STARTED.

A run's process id stands in its engine events ("Started process for run", "Executing steps in process"), its host does
not. It follows from how the run began: the launcher notes the address of the code server that forked it, and this
sensor ticks in that code server; a run without such an address was started by a command in its own process, which was
on this machine if the run storage is a local file, and else holds a lock in the lakehouse while it lives. Of any other
run nothing can be known here, and it is left alone.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psutil
from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus

from drift_sensors.run_servers import Has, has_run, never_started, server_of
from reco_assets.tables import HEAVY_POOL
from resources.loopback import LOOPBACK
from resources.orchestrator.run_locks import forget, named_by_its_process, was_killed

INTERVAL_SECONDS = 10
# The kernel's start times are exact to 0.01 s, the boot time they count from is cut to whole seconds: a process never
# seems younger than the event it wrote, unless the clock was set in between.
CLOCK_SLACK_SECONDS = 2.0
ALIVE = (DagsterRunStatus.STARTING, DagsterRunStatus.STARTED)
ENDED_EARLY = (DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
# A run's process ends within a second of its run. One that Dagster ended for its time may hang on, and hold locks.
FORKED = "--multiprocessing-fork"
LEFT_ALONE_SECONDS, LOOKED_BACK_SECONDS = 60.0, 86_400.0


@dataclass(frozen=True)
class RunProcess:
    """The process of a run: its host, its id, and when (Unix seconds) it wrote that id down."""

    host: str
    pid: int
    seen: float


def decide(process: RunProcess, this_host: str, started: Callable[[int], float | None]) -> str | None:
    """Why a run is a ghost; None while its process lives or where that can't be told from here.

    `started` gives the start of a process of this host in Unix seconds, None for one that is not there.
    """
    if process.host != this_host and process.host not in LOOPBACK:
        return None
    start = started(process.pid)
    if start is None:
        gone = f"Its process {process.pid} on {this_host} is gone"
    elif start > process.seen + CLOCK_SLACK_SECONDS:
        gone = f"Its process {process.pid} on {this_host} is gone (a younger process has its number now)"
    else:
        return None
    return f"{gone}: it was killed, ran out of memory, or its server was restarted. Start the run again."


def process_started(pid: int) -> float | None:
    """When a process of this host started, in Unix seconds; None when there is none or only its exit status is left."""
    if not psutil.pid_exists(pid):  # psutil.Process would also take the id of another process's thread
        return None
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return 0.0  # it lives, and may not be looked at


def run_process(instance: DagsterInstance, run: DagsterRun) -> RunProcess | None:
    """The process of a run that has not ended; None before it has written its id, or where its host is not known."""
    host = _host(instance, run)
    if host is None:
        return None
    for entry in reversed(instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT)):
        pid = entry.get_dagster_event().engine_event_data.metadata.get("pid")
        if pid is not None:
            return RunProcess(host, int(str(pid.value)), entry.timestamp)
    return None


def fail_ghost_runs(
    instance: DagsterInstance,
    lakehouse: Path,
    started: Callable[[int], float | None] = process_started,
    has: Has = has_run,
) -> list[str]:
    """Fail every run whose process is gone or will never be, and return their ids; locks of runs are in `lakehouse`."""
    failed = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(ALIVE))):
        run_id, reason = record.dagster_run.run_id, _why_gone(instance, record, lakehouse, started, has)
        # A process writes its run's end before its own: what is still alive in the storage now was killed.
        now = instance.get_run_by_id(run_id)
        if reason is None or now is None or now.status not in ALIVE:
            continue
        instance.report_run_failed(now, reason)
        forget(lakehouse, run_id)
        failed.append(run_id)
    return failed


def end_leftovers(instance: DagsterInstance, now: float, left_alone: float = LEFT_ALONE_SECONDS) -> list[str]:
    """Kill what is left of runs that failed or were cancelled a while ago; returns their ids. `now`: Unix seconds.

    Only processes that a code server forked for one run, on this host.
    """
    since = datetime.fromtimestamp(now - LOOKED_BACK_SECONDS, UTC)
    records = instance.get_run_records(dg.RunsFilter(statuses=list(ENDED_EARLY), updated_after=since))
    return [
        record.dagster_run.run_id
        for record in records
        if record.end_time and now > record.end_time + left_alone and _end_leftover(instance, record.dagster_run)
    ]


def know_pool(instance: DagsterInstance, pool: str) -> None:
    """Have the limit of a pool on record before a run asks for it.

    Dagster's queue puts it there itself, but reads the limits before: that one time it lets every run through.
    """
    storage = instance.event_log_storage
    if instance.global_op_concurrency_default_limit is not None and pool not in storage.get_concurrency_keys():
        storage.initialize_concurrency_limit_to_default(pool)


def ghost_run_sensor(
    lakehouse: Path, interval_seconds: int = INTERVAL_SECONDS, left_alone: float = LEFT_ALONE_SECONDS
) -> dg.SensorDefinition:
    """The sensor that looks for ghosts, on by default."""

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        know_pool(context.instance, HEAVY_POOL)
        failed = fail_ghost_runs(context.instance, lakehouse)
        ended = end_leftovers(context.instance, time.time(), left_alone)
        return dg.SkipReason(_summary(failed, ended))

    return dg.SensorDefinition(
        name="ghost_run_sensor",
        description="Fails runs whose process is gone, so that they do not block the queue, and lets it know its pool.",
        evaluation_fn=evaluate,
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )


def _end_leftover(instance: DagsterInstance, run: DagsterRun) -> bool:
    process = run_process(instance, run) if server_of(run) else None
    if process is None or process.host not in (socket.gethostname(), *LOOPBACK):
        return False
    if decide(process, socket.gethostname(), process_started) is not None or not _is_forked(process.pid):
        return False
    with suppress(ProcessLookupError, PermissionError):
        os.kill(process.pid, signal.SIGKILL)
        instance.report_engine_event(f"Its process {process.pid} was still there, and was killed.", run)
        return True
    return False


def _is_forked(pid: int) -> bool:
    """Whether a process is one that a code server makes for a run, as its command line says."""
    try:
        return FORKED in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def _why_gone(
    instance: DagsterInstance,
    record: dg.RunRecord,
    lakehouse: Path,
    started: Callable[[int], float | None],
    has: Has,
) -> str | None:
    """Why a run is a ghost; None while it lives, may still come, or nothing can be known."""
    run = record.dagster_run
    process = run_process(instance, run)
    if process is not None:
        return decide(process, socket.gethostname(), started)
    if was_killed(lakehouse, run.run_id):
        return "Its process is gone: it was killed, or ran out of memory. Start the run again."
    return never_started(run, time.time() - record.update_timestamp.timestamp(), has)


def _host(instance: DagsterInstance, run: DagsterRun) -> str | None:
    if (address := server_of(run)) is not None:
        return "localhost" if "socket" in address else str(address["host"])
    return "localhost" if named_by_its_process(instance) else None


def _summary(ghosts: Sequence[str], ended: Sequence[str]) -> str:
    failed = f"Failed runs whose process was gone: {', '.join(ghosts)}." if ghosts else ""
    killed = f"Killed what was left of runs that had ended: {', '.join(ended)}." if ended else ""
    return " ".join(filter(None, (failed, killed))) or "Every run has its process."

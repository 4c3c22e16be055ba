"""Runs whose process is gone are failed, so that none blocks the queue for good.

Dagster's default launcher has no health check, and its run monitoring looks only at runs that never start, that never
end, or whose launcher can be asked: a run killed together with its code server stays STARTED.

A run's process id stands in its engine events ("Started process for run", "Executing steps in process"), its host does
not. It follows from how the run began: the launcher notes the address of the code server that forked it, and this
sensor ticks in that code server; a run without such an address was started by a command in its own process, which was
on this machine if the run storage is a local file. Of any other run nothing can be known here, and it is left alone.
"""

import json
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dagster as dg
import psutil
from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus

INTERVAL_SECONDS = 30
# The kernel's start times are exact to 0.01 s, the boot time they count from is cut to whole seconds: a process never
# seems younger than the event it wrote, unless the clock was set in between.
CLOCK_SLACK_SECONDS = 2.0
ALIVE = (DagsterRunStatus.STARTING, DagsterRunStatus.STARTED)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
CODE_SERVER_TAG = "dagster/grpc_info"


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


def fail_ghost_runs(instance: DagsterInstance, started: Callable[[int], float | None] = process_started) -> list[str]:
    """Fail every run whose process is gone, and return their ids."""
    return [
        run.run_id
        for run in instance.get_runs(dg.RunsFilter(statuses=list(ALIVE)))
        if _fail_ghost(instance, run, started)
    ]


def ghost_run_sensor(interval_seconds: int = INTERVAL_SECONDS) -> dg.SensorDefinition:
    """The sensor that looks for ghosts, on by default."""

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        return dg.SkipReason(_summary(fail_ghost_runs(context.instance)))

    return dg.SensorDefinition(
        name="ghost_run_sensor",
        description="Fails runs whose process is gone, so that they do not block the queue.",
        evaluation_fn=evaluate,
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )


def _fail_ghost(instance: DagsterInstance, run: DagsterRun, started: Callable[[int], float | None]) -> bool:
    process = run_process(instance, run)
    reason = decide(process, socket.gethostname(), started) if process else None
    if reason is None:
        return False
    # A process writes its run's end before its own: what is still alive in the storage now was killed.
    now = instance.get_run_by_id(run.run_id)
    if now is None or now.status not in ALIVE:
        return False
    instance.report_run_failed(now, reason)
    return True


def _host(instance: DagsterInstance, run: DagsterRun) -> str | None:
    if server := run.tags.get(CODE_SERVER_TAG):
        address = json.loads(server)
        return "localhost" if "socket" in address else str(address["host"])
    from dagster._core.storage.runs import SqliteRunStorage

    return "localhost" if isinstance(instance.run_storage, SqliteRunStorage) else None


def _summary(ghosts: Sequence[str]) -> str:
    return f"Failed runs whose process was gone: {', '.join(ghosts)}" if ghosts else "Every run has its process."

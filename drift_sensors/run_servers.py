"""Asking the code server that was to start a run whether it has it: for runs that have not named their process yet."""

import json
from collections.abc import Callable, Mapping

from dagster import DagsterRun, DagsterRunStatus

from resources.loopback import LOOPBACK
from resources.orchestrator.dagster_private import (
    GRPC_INFO_TAG,
    CanCancelExecutionRequest,
    CanCancelExecutionResult,
    DagsterGrpcClient,
    DagsterUserCodeUnreachableError,
    deserialize_value,
)

# From the launcher's note to the server's, which is one call; Dagster itself gives a run up after two minutes.
GRACE_SECONDS = 10.0
ASK_SECONDS = 2

Has = Callable[[Mapping[str, object], str], bool | None]


def server_of(run: DagsterRun) -> Mapping[str, object] | None:
    """The address of the code server that forks a run's process; None for a run that a command makes in its own."""
    noted = run.tags.get(GRPC_INFO_TAG)
    return None if noted is None else dict(json.loads(noted))


def never_started(run: DagsterRun, waited: float, has: Has) -> str | None:
    """Why a run that has not named its process will not: its server is gone, or another one has its address.

    `waited` is how long it has been so, in seconds. None while it may still come, or where that can't be told.
    """
    server = server_of(run)
    if run.status is not DagsterRunStatus.STARTING or server is None or waited < GRACE_SECONDS:
        return None
    if has(server, run.run_id) is not False:
        return None
    return "The server that was to start it was ended before it did. Start the run again."


def has_run(server: Mapping[str, object], run_id: str) -> bool | None:
    """Whether a code server has a process for a run; None where it is on another host and doesn't answer."""
    port, socket, host = server.get("port"), server.get("socket"), str(server.get("host") or "localhost")
    client = DagsterGrpcClient(port=int(str(port)) if port else None, socket=str(socket) if socket else None, host=host)
    try:
        answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run_id), timeout=ASK_SECONDS)
    except DagsterUserCodeUnreachableError:
        return False if socket or host in LOOPBACK else None
    return deserialize_value(answer, CanCancelExecutionResult).can_cancel

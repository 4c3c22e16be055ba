"""How a run in this process ended, where it didn't succeed: by which error, or by which signal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from resources.errors import ForeignError
from resources.orchestrator.dagster_private import ErrorSource, RunFailureReason
from resources.plain_errors import explain_text
from resources.tables.files import BrokenTableError

if TYPE_CHECKING:
    from dagster import ExecuteInProcessResult

# Errors with a message for a person, as the full name of their class says.
OURS = ("resources.", "reco_assets.", "drift_sensors.", f"{dg.Failure.__module__}.{dg.Failure.__name__}")

# Those with a library's message, whose cause says more.
FOREIGN = {f"{kind.__module__}.{kind.__name__}" for kind in (ForeignError, BrokenTableError)}


def cancel_if_stopped(instance: dg.DagsterInstance, entry: Any) -> None:
    """Of a step that Ctrl-C or SIGTERM ended: let Dagster end the run as cancelled, where it would call it failed."""
    event = entry.dagster_event
    if event is not None and event.is_step_failure and event.step_failure_data.error_source is ErrorSource.INTERRUPT:
        run = instance.get_run_by_id(entry.run_id)
        if run is not None:
            instance.report_run_canceling(run)


def cancel_unless_ended(instance: dg.DagsterInstance, run_id: str) -> None:
    """Let a run that Ctrl-C or SIGTERM ended outside of its steps, as before the first, be on record as cancelled."""
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        instance.report_run_canceled(run)


def raise_if_stopped(instance: dg.DagsterInstance, run_id: str) -> None:
    """Raise `KeyboardInterrupt` where that, or SIGTERM, ended the run."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_success:
        return
    if run.status is dg.DagsterRunStatus.FAILURE:
        records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.RUN_FAILURE).records
        reasons = {record.event_log_entry.get_dagster_event().job_failure_data.failure_reason for record in records}
        if RunFailureReason.UNEXPECTED_TERMINATION not in reasons:
            return
        instance.report_run_canceled(run)  # it was between two steps
    raise KeyboardInterrupt


def first_failure(result: "ExecuteInProcessResult") -> str:
    """The first failed step and its error: our own message, else one line on it."""
    for event in result.all_events:
        if event.is_step_failure:
            error, messages = event.step_failure_data.error, []
            while error is not None:
                messages.append(error.message)
                error = error.cause
            return f"{event.step_key}: {in_short(messages)}"
        if event.event_type_value == "PIPELINE_FAILURE" and event.message:
            return str(event.message)
    return "the run failed before its first step"


def in_short(messages: Sequence[str]) -> str:
    """What a step raised, of the messages of the error and of its causes, outermost first, as one line.

    Our own message as it is, whatever the cause of it; else the innermost error by its class.
    """
    told = [message.strip().partition(": ") for message in messages]
    ours = [text for name, _, text in told if name.startswith(OURS) and name not in FOREIGN]
    if ours or not told:
        return ours[0] if ours else "no error was recorded"
    name, separator, text = told[-1]
    if not separator or " " in name:
        return explain_text("Error", messages[-1].strip())
    return explain_text(name.rpartition(".")[2], text)

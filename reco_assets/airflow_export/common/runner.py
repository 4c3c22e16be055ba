"""Starts the platform's runner and hands on what it says. Nothing is decided here."""

import json
import logging
import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import AirflowException

from common.alerts import alert_after
from common.config import RECO_COMMAND, RECO_ENVIRONMENT, TRAINER_CONN_ID
from common.connections import steering, url_of

log = logging.getLogger(__name__)

SECONDS_TO_END = 30


def run_reco(
    *,
    select: str | None = None,
    checks: str | None = None,
    function: str | None = None,
    config: dict[str, Any] | None = None,
    variables: dict[str, str] | None = None,
    limit: timedelta | None = None,
    **context: Any,
) -> Any:
    """Runs a `function` of the platform, or `checks` of all tables and then assets (`select`); returns the result.

    Checks are named by kind, assets by key, with commas between; Airflow's variables and connections steer the run, and
    win over the environment `variables` of this task. After `limit` one alert is sent and the run goes on. With a
    TRAINER_CONN_ID assets and checks are a run of that Dagster, which the runner waits for, and ends if it is ended.
    Raises AirflowException when the runner fails or prints no result.
    """
    command = [RECO_COMMAND, "run"]
    asked = {"--checks": checks, "--select": select, "--function": function}
    command += [part for option, value in asked.items() if value for part in (option, value)]
    command += ["--config", json.dumps(config)] if config else []
    command += [] if function or TRAINER_CONN_ID is None else ["--in-dagster", _dagster(context)]
    with alert_after(limit, context):
        result = result_of(_last_line_of(command, {**(variables or {}), **steering(context)}, context))
    return result["value"] if function else result


def follow_decision(task_id: str, key: str, names: dict[str, str] | None = None, **context: Any) -> str:
    """The task to go on with, as the platform decided in the result of `task_id`; pushed to XCom under `key`.

    `names` are this DAG's ids where they differ from those the decision names.
    """
    ti = context["ti"]
    result = ti.xcom_pull(task_ids=task_id)
    try:
        decision = result[key]
        next_task = decision["next_task"]
    except (TypeError, KeyError):
        raise AirflowException(f"The result of {task_id} holds no {key} with a next_task: {result!r}") from None
    ti.xcom_push(key=key, value=decision)
    return (names or {}).get(next_task, next_task)


def _dagster(context: dict[str, Any]) -> str:
    conn = context["conn"].get(TRAINER_CONN_ID, None)
    if conn is None or not conn.host:
        raise AirflowException(f"The connection {TRAINER_CONN_ID} is not set: let it name Dagster's web server.")
    return url_of(conn)


def _last_line_of(command: list[str], settings: dict[str, str], context: dict[str, Any]) -> str:
    """The last line of the command's output; what it says on stderr goes into the task's log at once."""
    log.info("Running %s", command)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, **RECO_ENVIRONMENT, **settings},
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # so that everything the runner started ends with it
        )
        context["ti"].task.on_kill = lambda: _send(signal.SIGTERM, process)
        said = "nothing"
        try:
            with process.stderr as errors:
                for line in errors:
                    said = line.rstrip() or said
                    log.info("%s", line.rstrip())
            code = process.wait()
        finally:
            _end(process)
        if code != 0:
            raise AirflowException(f"The runner ended with exit code {code}; it said: {said}")
        output.seek(0)
        lines = output.read().splitlines()
    for line in lines:
        log.info("%s", line)
    return lines[-1] if lines else ""


def result_of(text: str) -> dict[str, Any]:
    """The JSON object that the runner printed or left in a file; raises AirflowException when it is none."""
    try:
        result = json.loads(text)
    except json.JSONDecodeError:
        result = None
    if not isinstance(result, dict):
        raise AirflowException(f"The runner's result is no JSON object: {text[:200]!r}")
    return result


def _end(process: "subprocess.Popen[str]") -> None:
    """Leaves nothing running, however the task ended: by itself, killed or timed out."""
    if process.poll() is None:
        _send(signal.SIGTERM, process)
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            _send(signal.SIGKILL, process)
            process.wait()


def _send(sign: signal.Signals, process: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, sign)

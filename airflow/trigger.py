"""Trigger a DAG of the Airflow that runs (make airflow-up, or in containers) now, and switch it on if it is paused."""

import argparse
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
TIMEOUT_SECONDS = 30.0
SHOWN_DAGS = 100


class TriggerError(Exception):
    """One line that says what is wrong and what to do."""


@dataclass(frozen=True)
class Airflow:
    """The REST API of an Airflow 3 on this machine."""

    url: str
    token: str = ""

    def call(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """The decoded answer; raises `urllib.error.HTTPError` for a refusal."""
        request = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)


def connect(port: int, env: Path = REPO / ".env") -> Airflow:
    """Log in where that is asked for, with AIRFLOW_USERNAME and AIRFLOW_PASSWORD of the environment or of .env.

    Raises `TriggerError` where no Airflow of ours answers, or none that knows the user.
    """
    airflow = Airflow(f"http://127.0.0.1:{port}")
    try:
        return Airflow(airflow.url, _token(airflow, env))
    except urllib.error.HTTPError as error:
        if error.code not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
            raise
        hint = f"set AIRFLOW_USERNAME and AIRFLOW_PASSWORD, or have them in {env}"
        raise TriggerError(f"Airflow on {airflow.url} refuses this user: {hint}") from None
    except (OSError, ValueError, KeyError):
        hint = "run make airflow-up first, and leave it running, or make run-all"
        raise TriggerError(f"No Airflow answers on {airflow.url}: {hint}") from None


def _token(airflow: Airflow, env: Path) -> str:
    try:
        answer = airflow.call("/auth/token")  # of make airflow-up, which asks nobody for a password
    except urllib.error.HTTPError:
        lines = env.read_text(encoding="utf-8").splitlines() if env.exists() else []
        known = dict(line.split("=", 1) for line in lines if "=" in line) | dict(os.environ)
        login = {"username": known.get("AIRFLOW_USERNAME", ""), "password": known.get("AIRFLOW_PASSWORD", "")}
        answer = airflow.call("/auth/token", "POST", login)
    return str(answer["access_token"])


def trigger(airflow: Airflow, dag: str) -> str:
    """Start a run of a DAG and return its id. Raises `TriggerError` for an unknown DAG, naming those that exist."""
    if not dag:
        raise TriggerError(f"Say which DAG: make airflow-trigger-dag dag=ID; {_known(airflow)}")
    path = f"/api/v2/dags/{urllib.parse.quote(dag, safe='')}"
    try:
        found = airflow.call(path)
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.NOT_FOUND:
            raise
        raise TriggerError(f"There is no DAG {dag!r}; {_known(airflow)}") from None
    run = airflow.call(f"{path}/dagRuns", "POST", {"logical_date": overdue(found)})
    airflow.call(path, "PATCH", {"is_paused": False})  # the runs of a paused DAG wait for ever
    return str(run["dag_run_id"])


def _known(airflow: Airflow) -> str:
    answer = airflow.call(f"/api/v2/dags?limit={SHOWN_DAGS}&order_by=dag_id")
    ids = [found["dag_id"] for found in answer["dags"]]
    hidden = answer["total_entries"] - len(ids)
    more = f" and {hidden} more" if hidden > 0 else ""
    return f"the DAGs are: {', '.join(ids)}{more}" if ids else "there are none yet, Airflow is still reading them"


def overdue(dag: Mapping[str, Any]) -> str | None:
    """The date of the run that a DAG would start by itself as soon as it is switched on; None where there is none.

    The triggered run takes its place: a daily DAG would run twice otherwise, one run right after the other.
    """
    due = dag["next_dagrun_run_after"]
    return dag["next_dagrun_logical_date"] if due and datetime.fromisoformat(due) <= datetime.now(UTC) else None


def main() -> int:
    """Trigger the DAG of the command line; the exit code is 1 when there is none, or no Airflow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dag", nargs="?", default="", help="The DAG's id.")
    parser.add_argument("--port", type=int, default=8081)
    options = parser.parse_args()
    try:
        airflow = connect(options.port)
        run = trigger(airflow, options.dag)
    except TriggerError as error:
        print(error, file=sys.stderr)
        return 1
    except urllib.error.HTTPError as error:
        print(f"Airflow refused ({error.code}): {error.read().decode(errors='replace')}", file=sys.stderr)
        return 1
    print(f"Triggered {options.dag}: {airflow.url}/dags/{options.dag}/runs/{urllib.parse.quote(run)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

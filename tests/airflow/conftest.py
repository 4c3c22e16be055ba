"""One Airflow for the whole run of these tests: its folder, its database, all eight DAGs, and who listens to alerts.

Airflow reads its settings when it is first imported, so they are set before any test module is.
"""

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module, invalidate_caches
from itertools import count
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MONDAY, SUNDAY = datetime(2025, 1, 6, tzinfo=UTC), datetime(2025, 1, 5, tzinfo=UTC)

GENERATE = """
import runpy, sys

sys.argv[:1] = [__file__, "generate.py"]
runpy.run_path({fake!r}, run_name="__main__")
"""


@dataclass(frozen=True)
class Alerts:
    """What arrived at Slack (on a `port`, at which `paths`) and by mail; `heard` exists once something did at Slack."""

    heard: Path
    port: int = 0
    slack: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Run:
    """How a run of a DAG ended: states and attempts by task, what the platform was asked, what was pushed."""

    run_id: str
    state: str
    states: dict[str, str]
    attempts: dict[str, int]
    calls: list[dict[str, Any]]
    pushed: Callable[..., Any]

    def tasks_in(self, state: str) -> set[str]:
        """Ids of the tasks that ended in a state."""
        return {task for task, ended in self.states.items() if ended == state}

    def calls_of(self, task: str) -> list[dict[str, Any]]:
        """The platform's calls by one task, in order."""
        return [call for call in self.calls if call["task"] == task]


def pytest_configure(config: pytest.Config) -> None:
    home = Path(tempfile.mkdtemp(prefix="airflow-tests-"))
    config.stash[HOME] = home
    (home / "bin").mkdir()
    for command in ("reco", "spark-submit"):
        script = home / "bin" / command
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "{HERE}/fake_platform.py" {command} "$@"\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    simulation = home / "si\"m o's"
    simulation.mkdir()
    (simulation / "generate.py").write_text(GENERATE.format(fake=str(HERE / "fake_platform.py")))
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps({"conn_type": "spark", "host": "local[2]"}),
        "FAKE_PLATFORM": str(home),
        "LAKEHOUSE_PATH": str(home / 'the lake\'s "house"'),
        "RECO_PYTHON": sys.executable,
        "SIM_PATH": str(simulation),
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
    }


HOME = pytest.StashKey[Path]()


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[HOME])


@pytest.fixture(scope="session")
def home(request: pytest.FixtureRequest) -> Path:
    """Airflow's home, with everything these tests write."""
    return request.config.stash[HOME]


@pytest.fixture(scope="session")
def dags_folder(home: Path) -> Path:
    """The committed DAGs, which are the export, as a test of the platform's own says."""
    shutil.copytree(ROOT / "airflow" / "dags", home / "dags")
    return home / "dags"


@pytest.fixture(scope="session")
def dags(dags_folder: Path) -> dict[str, Any]:
    """The DAGs by id, ready for `dag.test()`: no wait between attempts, no deadline, which its runs would trip over."""
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
    sys.path.insert(0, str(dags_folder))
    invalidate_caches()  # Airflow 2 has looked into the folder before it was there
    dags = {module.dag.dag_id: module.dag for module in map(import_module, _modules(dags_folder))}
    for dag in dags.values():
        if hasattr(dag, "deadline"):
            dag.deadline = None
        for task in dag.tasks:
            task.retry_delay = timedelta(0)
    _register(dags_folder)
    return dags


def _modules(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.py"))


def _register(folder: Path) -> None:
    """In Airflow 2 a DAG that is triggered must be in the database; in 3 `dag.test()` sees to it."""
    if not _is_airflow_3():
        from airflow.models.dagbag import DagBag

        DagBag(folder, include_examples=False).sync_to_db()


@pytest.fixture
def alerts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Alerts]:
    """Slack and a mail server on loopback, with the connections that lead there."""
    from aiosmtpd.controller import Controller

    class Slack(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            alerts.slack.append(json.loads(body)["text"])
            alerts.paths.append(self.path)
            alerts.heard.touch()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

    class Mail:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
            message = message_from_bytes(envelope.content)
            parts = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
            alerts.mails.append(f"{message['Subject']}\n{b''.join(parts).decode()}")
            return "250 OK"

    slack = ThreadingHTTPServer(("127.0.0.1", 0), Slack)
    alerts = Alerts(heard=tmp_path / "heard", port=slack.server_port)
    threading.Thread(target=slack.serve_forever, daemon=True).start()
    port = _free_port()
    mail = Controller(Mail(), hostname="127.0.0.1", port=port)  # it can't be asked for the port of a 0
    mail.start()
    webhook = {
        "conn_type": "slackwebhook",
        "schema": "http",
        "host": f"127.0.0.1:{slack.server_port}/services",
        "password": "T/B/x",
    }
    smtp = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": {"disable_ssl": True, "disable_tls": True}}
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(webhook))
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(smtp))
    yield alerts
    mail.stop()
    slack.shutdown()
    slack.server_close()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


_weeks = count()


@pytest.fixture(scope="session")
def run_dag(dags: dict[str, Any], home: Path) -> Callable[..., Run]:
    """Runs a DAG to its end by `dag.test()` against the fake platform.

    `scenario` says how the platform answers, by task; `branches` the task that each branch must go on with, which
    is put into the result that the branch reads; `day` the date of the run, moved by weeks so that it is a new one.
    """

    def run(
        dag_id: str,
        scenario: dict[str, Any] | None = None,
        branches: dict[str, str] | None = None,
        day: datetime = MONDAY,
        **arguments: Any,
    ) -> Run:
        dag = dags[dag_id]
        plans = {task: dict(plan) for task, plan in (scenario or {}).items()}
        for branch, chosen in (branches or {}).items():
            given = dag.get_task(branch).op_kwargs
            decided = next((name for name, task in given.get("names", {}).items() if task == chosen), chosen)
            result = {given["key"]: {"next_task": decided, "drift_score": 1.25, "report_id": "report"}}
            is_function = "function" in getattr(dag.get_task(given["task_id"]), "op_kwargs", {})
            plans.setdefault(given["task_id"], {})["result"] = {"value": result} if is_function else result
        (home / "scenario.json").write_text(json.dumps(plans))
        (home / "calls.jsonl").write_text("")
        date = day + timedelta(weeks=next(_weeks))
        return _outcome(dag, dag.test(**_date_argument(date) | arguments), home)

    return run


def _date_argument(date: datetime) -> dict[str, Any]:
    return {"logical_date": date} if _is_airflow_3() else {"execution_date": date}


def _is_airflow_3() -> bool:
    import airflow

    return not airflow.__version__.startswith("2.")


def _outcome(dag: Any, dag_run: Any, home: Path) -> Run:
    from airflow.utils.session import create_session

    with create_session() as session:
        instances = dag_run.get_task_instances(session=session)
        states = {ti.task_id: str(getattr(ti.state, "value", ti.state)) for ti in instances}
        attempts = {ti.task_id: ti.try_number for ti in instances}

    def pushed(task_id: str, key: str = "return_value") -> Any:
        with create_session() as session:
            return _pushed(session, dag.dag_id, dag_run.run_id, task_id, key)

    calls = [json.loads(line) for line in (home / "calls.jsonl").read_text().splitlines()]
    state = str(getattr(dag_run.state, "value", dag_run.state))
    return Run(dag_run.run_id, state, states, attempts, calls, pushed)


def _pushed(session: Any, dag_id: str, run_id: str, task_id: str, key: str) -> Any:
    if _is_airflow_3():
        from airflow.models.xcom import XComModel

        query = XComModel.get_many(run_id=run_id, dag_ids=dag_id, task_ids=task_id, key=key)
        return XComModel.deserialize_value(session.execute(query).scalar_one())
    from airflow.models.xcom import XCom

    return XCom.get_one(run_id=run_id, dag_id=dag_id, task_id=task_id, key=key, session=session)

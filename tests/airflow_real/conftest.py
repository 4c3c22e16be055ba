"""A real Airflow beside the platform: each in an environment of its own, as an installation has them.

These tests run in the platform's environment, because they compare lakehouses and read Dagster's storage; of Airflow
they need only its commands, which are processes anyway. `make test-airflow` makes the environments and runs them.
"""

import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[2]
LINE = os.environ.get("AIRFLOW_LINE", "3")
PYTHON = REPO / ".airflow" / f"venv-{LINE}" / "bin" / "python"
KEPT = ("PATH", "HOME", "LANG", "JAVA_HOME", "RECO_CACHE_PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Run:
    """What came of one run of a DAG: states by task id, and the value each task left in XCom."""

    run_id: str
    state: str
    tasks: dict[str, str]
    xcoms: dict[str, Any]


@dataclass(frozen=True)
class Airflow:
    """An Airflow with a database of its own, and the variables that a process of it needs."""

    home: Path
    variables: dict[str, str]

    def command(self, *arguments: str) -> str:
        """Run one of its commands, and return what it printed; fails with the end of that."""
        done = subprocess.run(
            [str(PYTHON), *arguments], env=self.variables, cwd=self.home, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
        return done.stdout

    def run(self, dag_id: str, date: datetime | None = None) -> Run:
        """Run a DAG of the DAG folder by `dag.test()`, on a date."""
        said = self.command(str(Path(__file__).with_name("run_dag.py")), dag_id, *([date.isoformat()] if date else []))
        run = Run(**json.loads(said.splitlines()[-1]))
        assert run.state == "success", f"{run.tasks}\n{said[-6000:]}"
        return run


@pytest.fixture(scope="session")
def airflow_python() -> Path:
    """The Python of the Airflow environment: 3, or the line that AIRFLOW_LINE names."""
    if not PYTHON.with_name("airflow").exists():
        pytest.skip(f"There is no Airflow in {PYTHON.parents[1]}: run make test-airflow")
    return PYTHON


@pytest.fixture(scope="session")
def up(airflow_python: Path) -> ModuleType:
    """airflow/up.py, which knows the variables that `make airflow-up` sets."""
    return _script("up")


@pytest.fixture(scope="session")
def trigger_script() -> ModuleType:
    """airflow/trigger.py, which knows Airflow's REST API."""
    return _script("trigger")


def _script(name: str) -> ModuleType:
    if str(REPO / "airflow") not in sys.path:
        sys.path.append(str(REPO / "airflow"))  # as Python does for a script, for what it imports from beside it
    spec = importlib.util.spec_from_file_location(f"airflow_{name}", REPO / "airflow" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def clean_environment() -> dict[str, str]:
    """What a process needs of this machine, without any setting of the platform or of Airflow."""
    return {name: os.environ[name] for name in KEPT if name in os.environ}


@pytest.fixture(scope="session")
def make_airflow(up: ModuleType, clean_environment: dict[str, str]) -> Any:
    """Make an Airflow in a folder, with the given platform variables."""

    def make(home: Path, platform: dict[str, str]) -> Airflow:
        outer = clean_environment | platform
        variables = outer | up.airflow_variables(home, port=0) | up.platform_variables(outer)
        variables["AIRFLOW_CONN_SPARK_DEFAULT"] = json.dumps(up.connections({})["spark_default"])
        home.mkdir(parents=True)
        airflow = Airflow(home, variables)
        airflow.command("-m", "airflow", "db", "migrate")
        return airflow

    return make


@dataclass
class Webhook:
    """Stands in for a Slack webhook on the loopback address."""

    heard: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def connection(self) -> str:
        """What AIRFLOW_CONN_SLACK_DEFAULT must be for Airflow to speak to it."""
        url = f"http://127.0.0.1:{self.server.server_port}"
        return json.dumps({"conn_type": "slackwebhook", "host": url, "password": "T/B/X"})


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    server = Webhook()
    yield server
    server.server.shutdown()
    server.server.server_close()

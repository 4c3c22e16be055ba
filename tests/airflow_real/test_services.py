"""`make airflow-up` as a user has it: the four services on a free port, DAGs triggered, everything ended afterwards."""

import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import psutil
import pytest

from resources.loopback import free_port

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
REPO = HERE.parents[1]
EXPORTED = [
    "data_validation_dag",
    "drift_detection_retrain_pipeline",
    "etl_train_test_pipeline",
    "ml_pipeline_dag",
    "model_retraining_dag",
    "model_training_dag",
    "movie_recommender_pipeline",
    "reco_pipeline",
]
WAIT_SECONDS = 300.0


@dataclass(frozen=True)
class Services:
    """A running Airflow: its process, its port and REST API, and the file whose appearance ends a run of `late`."""

    process: subprocess.Popen[str]
    port: int
    api: Any
    may_end: Path

    def trigger(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`make airflow-trigger-dag`."""
        command = [sys.executable, str(REPO / "airflow" / "trigger.py"), "--port", str(self.port), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def run_of(self, dag_id: str) -> str:
        """Trigger a DAG, and return its run's path."""
        done = self.trigger(dag_id)
        assert done.returncode == 0, done.stderr
        run_id = urllib.parse.unquote(done.stdout.strip().rsplit("/", 1)[1])
        return f"/api/v2/dags/{dag_id}/dagRuns/{run_id}"

    def next_run(self, dag_id: str) -> datetime:
        """When the scheduler will start a DAG's next run by itself."""
        return datetime.fromisoformat(self.api.call(f"/api/v2/dags/{dag_id}")["next_dagrun_run_after"])

    def ended(self, run: str) -> dict[str, Any] | None:
        """A run by its path, if it is over."""
        found: dict[str, Any] = self.api.call(run)
        return found if found["state"] in ("success", "failed") else None


def until(condition: Callable[[], Any], what: str) -> Any:
    """What the condition returns, once that is true."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.5)
    return pytest.fail(f"waited {WAIT_SECONDS:.0f} s in vain for {what}")


@contextmanager
def airflow_up(python: Path, home: Path, port: int, variables: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """airflow/up.py, once it says that Airflow is running; interrupted at the end, as by Ctrl-C."""
    said = home.with_suffix(".log")
    command = [str(python), str(REPO / "airflow" / "up.py"), "--home", str(home), "--port", str(port)]
    with said.open("w") as log:
        process = subprocess.Popen(command, env=variables, stdout=log, stderr=subprocess.STDOUT, text=True)
    try:
        until(lambda: "Airflow is running" in said.read_text() or process.poll() is not None, "Airflow to start")
        assert process.poll() is None, said.read_text()
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The platform's variables: a lakehouse and a Dagster storage of these tests' own, and a small source."""
    folder = tmp_path_factory.mktemp("platform")
    shutil.copy(REPO / "dagster.yaml", folder)
    return {
        "DAGSTER_HOME": str(folder),
        "LAKEHOUSE_PATH": str(folder / "lake"),
        "RECO_SOURCE": "synthetic",
        "SYNTHETIC_USERS": "200",
        "SYNTHETIC_MOVIES": "300",
        "SYNTHETIC_RATINGS": "12000",
    }


@pytest.fixture(scope="module")
def services(
    airflow_python: Path,
    trigger_script: ModuleType,
    clean_environment: dict[str, str],
    lake: dict[str, str],
    webhook: Any,
) -> Iterator[Services]:
    if airflow_python.parents[1].name == "venv-2":
        pytest.skip("make airflow-up is for Airflow 3 alone")
    folder, port = Path(lake["LAKEHOUSE_PATH"]).parent, free_port()
    shutil.copytree(REPO / "airflow" / "dags", folder / "dags")
    shutil.copy(HERE / "late_dag.py", folder / "dags")
    own = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW_CONN_SLACK_DEFAULT": webhook.connection,
        "MAY_END": str(folder / "may end"),
    }
    with airflow_up(airflow_python, folder / "home", port, clean_environment | lake | own) as process:
        api = trigger_script.connect(port)
        until(lambda: api.call("/api/v2/dags")["total_entries"] == len(EXPORTED) + 1, "the DAGs to be read")
        yield Services(process, port, api, folder / "may end")


def test_the_exported_dags_load_without_an_error_and_start_paused(services: Services) -> None:
    dags = services.api.call("/api/v2/dags")["dags"]
    assert sorted(dag["dag_id"] for dag in dags if dag["is_paused"]) == sorted([*EXPORTED, "late"])
    assert services.api.call("/api/v2/importErrors")["total_entries"] == 0


def test_the_documented_connections_and_variables_are_set(services: Services) -> None:
    connections = services.api.call("/api/v2/connections")["connections"]
    # Without MLFLOW_TRACKING_URI there is no server that mlflow_conn could lead to.
    hosts = {"spark_default": "local[*]", "trainer_api": "http://127.0.0.1:3000"}
    assert {found["connection_id"]: found["host"] for found in connections} == hosts
    variables = services.api.call("/api/v2/variables")["variables"]
    assert sorted(found["key"] for found in variables) == [
        "model_registry_name",
        "prediction_threshold",
        "training_lookback_days",
    ]


def test_airflows_own_commands_find_the_same_dags_with_nothing_but_its_home(
    services: Services, airflow_python: Path, clean_environment: dict[str, str]
) -> None:
    command = [str(airflow_python.with_name("airflow")), "tasks", "list", "ml_pipeline_dag"]
    # MAY_END is of these tests' own DAG, which cannot be read without it.
    home = clean_environment | {
        "AIRFLOW_HOME": str(services.may_end.parent / "home"),
        "MAY_END": str(services.may_end),
    }
    done = subprocess.run(command, env=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {"train", "trigger_retraining"} <= set(done.stdout.split())
    assert services.api.call("/api/v2/dags")["total_entries"] == len(EXPORTED) + 1


def test_every_service_listens_on_the_loopback_address_alone(services: Services) -> None:
    family = [psutil.Process(services.process.pid), *psutil.Process(services.process.pid).children(recursive=True)]
    listening = [
        found.laddr for process in family for found in process.net_connections("inet") if found.status == "LISTEN"
    ]
    assert (("127.0.0.1", services.port)) in [tuple(address) for address in listening]
    assert {address.ip for address in listening} == {"127.0.0.1"}


def test_an_unknown_dag_is_refused_with_the_ids_there_are(services: Services) -> None:
    done = services.trigger("no_such_dag")
    assert done.returncode == 1
    assert done.stderr == f"There is no DAG 'no_such_dag'; the DAGs are: {', '.join(sorted([*EXPORTED, 'late']))}\n"


def test_switching_a_daily_dag_on_by_a_trigger_runs_it_once(services: Services) -> None:
    path = services.run_of("reco_pipeline")
    run = until(lambda: services.ended(path), "reco_pipeline to end")
    assert run["state"] == "success"
    until(lambda: services.next_run("reco_pipeline") > datetime.now(UTC), "the scheduler to look at reco_pipeline")
    assert services.api.call("/api/v2/dags/reco_pipeline/dagRuns")["total_entries"] == 1


def test_a_manual_trigger_without_a_logical_date_succeeds(
    services: Services, lake: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = services.run_of("reco_pipeline")
    run = until(lambda: services.ended(path), "reco_pipeline to end")
    assert (run["logical_date"], run["state"]) == (None, "success")
    monkeypatch.setenv("DAGSTER_HOME", lake["DAGSTER_HOME"])
    with dg.DagsterInstance.get() as instance:
        runs = instance.get_runs(dg.RunsFilter(tags={"airflow/run_id": run["dag_run_id"]}))
    assert {found.tags["airflow/task_id"] for found in runs} == {
        "run_etl_bronze_to_silver",
        "run_train_als_generate_recos",
    }


def test_a_run_past_its_deadline_is_told_of_once_and_goes_on(services: Services, webhook: Any) -> None:
    path = services.run_of("late")
    until(lambda: webhook.heard, "a message about the late run")
    assert services.ended(path) is None
    services.may_end.touch()
    assert until(lambda: services.ended(path), "the late run to end")["state"] == "success"
    assert webhook.heard == [f"Late: DAG late, run {path.rsplit('/', 1)[1]} has not ended in time"]


def test_ctrl_c_ends_the_services_and_the_tasks_they_run(services: Services) -> None:
    services.may_end.unlink(missing_ok=True)
    services.run_of("late")

    def family() -> list[psutil.Process]:
        return psutil.Process(services.process.pid).children(recursive=True)

    def task_runs() -> bool:
        return any(process.name() == "bash" for process in family())

    until(task_runs, "the task to run")
    started = family()
    services.process.send_signal(signal.SIGINT)
    services.process.wait(timeout=60)
    assert [process for process in started if process.is_running()] == []

"""The commands of docker-compose.yml, started natively on a real Postgres: they make one working platform."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.native import REPOSITORY

pytestmark = pytest.mark.slow

JOB_SECONDS = 180
LAUNCH = """
mutation($job: String!) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "reco_assets", repositoryName: "__repository__", jobName: $job}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}
"""
LOCATION = "{ repositoriesOrError { ... on RepositoryConnection { nodes { jobs { name } sensors { name } } } } }"
RUN = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status tags { key } } } }"
DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"


def ask(deployment: Any, query: str, **variables: str) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(
        f"{deployment.url('webserver')}/graphql", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        found = json.load(answer)
    assert "errors" not in found, found
    return found["data"]


def until(condition: Callable[[], Any], what: str) -> Any:
    """What the condition returns, once that is true."""
    deadline = time.monotonic() + JOB_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.5)
    return found


def fetched(url: str, token: str = "", body: Any = None) -> Any:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def token_of(airflow: Any, login: dict[str, str]) -> str:
    return str(fetched(f"{airflow.url('airflow-webserver')}/auth/token", body=login)["access_token"])


@pytest.fixture(scope="module")
def logged_in(airflow: Any, made_env: dict[str, str]) -> Callable[[str], Any]:
    """Asks Airflow's API as the first user."""
    token = token_of(airflow, {"username": made_env["AIRFLOW_USERNAME"], "password": made_env["AIRFLOW_PASSWORD"]})
    return lambda path: fetched(f"{airflow.url('airflow-webserver')}/api/v2/{path}", token)


def test_the_webserver_shows_the_code_location_with_its_jobs_and_sensors(deployment: Any) -> None:
    print("seconds until healthy:", deployment.seconds)
    (location,) = ask(deployment, LOCATION)["repositoriesOrError"]["nodes"]
    assert {"reco_pipeline", "etl_train_test_pipeline"} <= {job["name"] for job in location["jobs"]}
    assert "ghost_run_sensor" in {sensor["name"] for sensor in location["sensors"]}


def test_every_daemon_that_the_instance_asks_for_is_healthy(deployment: Any) -> None:
    statuses = ask(deployment, DAEMONS)["instance"]["daemonHealth"]["allDaemonStatuses"]
    required = {status["daemonType"]: status["healthy"] for status in statuses if status["required"]}
    assert {"SENSOR", "SCHEDULER", "QUEUED_RUN_COORDINATOR", "MONITORING", "EVENT_LOG_CONSUMER"} <= required.keys()
    assert all(required.values()), required


def test_a_job_goes_through_the_queue_and_registers_its_model_in_mlflow_on_postgres(deployment: Any) -> None:
    launched = ask(deployment, LAUNCH, job="reco_pipeline")["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]
    deadline = time.monotonic() + JOB_SECONDS
    while (status := ask(deployment, RUN, run=run_id)["runOrError"]["status"]) not in ("SUCCESS", "FAILURE"):
        assert time.monotonic() < deadline, f"the run is still {status}"
        time.sleep(0.5)
    assert status == "SUCCESS", deployment.servers["code"].log.read_text()[-5000:]
    events = deployment.postgres.query("dagster", "SELECT DISTINCT dagster_event_type FROM event_logs")
    assert {("PIPELINE_ENQUEUED",), ("ASSET_MATERIALIZATION",)} <= set(events)
    assert deployment.postgres.query("mlflow", "SELECT name FROM registered_models") == [("reco_als",)]
    with urllib.request.urlopen(
        f"{deployment.url('mlflow')}/api/2.0/mlflow/registered-models/get?name=reco_als", timeout=10
    ) as answer:
        assert json.load(answer)["registered_model"]["latest_versions"]


def test_recommendations_are_served_from_what_the_job_made(serve: Any) -> None:
    answer = fetched(f"{serve.url('serve')}/recommendations/1?n=3")
    assert len(answer["movies"]) == 3


def test_prometheus_is_told_of_the_run(observability: Any) -> None:
    with urllib.request.urlopen(f"{observability.url('metrics')}/metrics", timeout=60) as answer:
        figures = answer.read().decode()
    assert re.search(r'^reco_runs\{.*job="reco_pipeline".*\} 1\.0$', figures, re.MULTILINE), figures


def test_the_workers_join_the_master(spark: Any) -> None:
    print("seconds until healthy:", {name: spark.seconds[name] for name in ("spark-master", "spark-worker")})
    master = f"{spark.url('spark-master', '8080')}/json/"
    until(lambda: fetched(master)["aliveworkers"] == 1, "a worker")


@pytest.mark.parametrize(
    ("service", "words", "said"),
    [
        ("spark-master", "ls /data/silver/ratings", "_delta_log"),
        ("spark-master", "ls /workspace/spark/apps /opt/spark/jobs", "etl_bronze_to_silver.py"),
        ("spark-master", "env", "LAKEHOUSE_PATH="),
        ("spark-master", "spark-submit --version", "version 4.2"),
        ("airflow-webserver", "env", "PYTHONPATH="),
        ("airflow-scheduler", "python -m py_compile /opt/airflow/dags/reco_pipeline_dag.py", ""),
    ],
)
def test_what_the_documents_execute_in_a_container_works(
    service: str, words: str, said: str, spark: Any, airflow: Any
) -> None:
    done = airflow.run(service, words.split())
    assert done.returncode == 0, done.stderr
    assert said in done.stdout + done.stderr


def test_airflows_pages_and_api_want_the_password_of_env(airflow: Any, made_env: dict[str, str]) -> None:
    print("seconds until healthy:", {name: seconds for name, seconds in airflow.seconds.items() if "airflow" in name})
    for password in ("admin", ""):
        with pytest.raises(urllib.error.HTTPError, match=r"40[01]"):
            token_of(airflow, {"username": made_env["AIRFLOW_USERNAME"], "password": password})
    with pytest.raises(urllib.error.HTTPError, match="401"):
        fetched(f"{airflow.url('airflow-webserver')}/api/v2/dags")


def test_airflow_reads_every_exported_dag_and_has_the_documented_variables(airflow: Any, logged_in: Any) -> None:
    folder = airflow.machine.root / "opt/airflow/dags"
    assert until(lambda: logged_in("dags")["total_entries"] == len(list(folder.glob("*.py"))), "the DAGs")
    assert logged_in("importErrors")["total_entries"] == 0
    found = {variable["key"]: variable["value"] for variable in logged_in("variables")["variables"]}
    assert found == {
        "model_registry_name": "reco_als",
        "training_lookback_days": "36500",
        "prediction_threshold": "4.0",
    }


def test_a_triggered_dags_task_runs_the_platform_and_is_in_dagsters_storage(
    airflow: Any, logged_in: Any, made_env: dict[str, str]
) -> None:
    port = airflow.url("airflow-webserver").rpartition(":")[2]
    command = [sys.executable, str(REPOSITORY / "airflow" / "trigger.py"), "--port", port, "data_validation_dag"]
    done = subprocess.run(command, env=os.environ | made_env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    run = f"dags/data_validation_dag/dagRuns/{urllib.parse.unquote(done.stdout.strip().rpartition('/')[2])}"
    task = f"{run}/taskInstances/validate_schema"  # the first one; tests/airflow_real waits for whole runs
    state = until(
        lambda: (now := logged_in(task)["state"]) in ("success", "up_for_retry", "failed") and now, "the task"
    )
    assert state == "success", airflow.servers["airflow-scheduler"].log.read_text()[-5000:]
    tagged = "SELECT value FROM run_tags WHERE key = 'airflow/task_id'"
    assert airflow.postgres.query("dagster", tagged) == [("validate_schema",)]


def test_airflows_role_reads_dagsters_database_and_changes_nothing_there(
    deployment: Any, made_env: dict[str, str]
) -> None:
    connection = deployment.postgres.connect("dagster", "airflow", made_env["AIRFLOW_DB_PASSWORD"])
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM runs")
        with pytest.raises(connection.ProgrammingError, match="permission denied"):
            cursor.execute("DELETE FROM runs")
    connection.close()


def test_the_databases_script_may_run_again(deployment: Any) -> None:
    deployment.postgres.run_script(REPOSITORY / "deploy" / "databases.sh")

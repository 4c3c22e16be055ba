"""The commands of docker-compose.yml, started natively on a real Postgres: they make one working platform."""

import json
import time
import urllib.request
from typing import Any

import pytest

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

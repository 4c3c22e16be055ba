"""docker-compose.yml keeps to the Compose schema and to our rules: pinned, unprivileged, on loopback, no secrets."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
PROFILES = {
    "core": {"postgres", "mlflow", "code", "webserver", "daemon"},
    "spark": {"spark-master", "spark-worker"},
    "kafka": {"kafka"},
    "airflow": {
        "postgres",
        "airflow-init",
        "airflow-webserver",
        "airflow-scheduler",
        "airflow-dag-processor",
        "airflow-triggerer",
    },
    "serve": {"serve"},
    "observability": {"metrics", "prometheus", "grafana"},
}
SERVICES = sorted(set().union(*PROFILES.values()))
# What keeps nothing in Postgres, and what others of its profile wait for it with.
WITHOUT_POSTGRES = {"kafka", "spark-master", "spark-worker", "serve", "metrics", "prometheus", "grafana"}
INCLUDING = ["docker-compose.full.yml", "airflow/docker-compose.airflow.yml"]


class Overrides(yaml.SafeLoader):
    """Reads Compose's `!reset` as the value behind it."""


Overrides.add_constructor("!reset", lambda loader, node: loader.construct_sequence(node))


@pytest.mark.parametrize("file", ["docker-compose.yml", *INCLUDING])
def test_the_file_keeps_to_the_compose_schema(file: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, file], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_profile_has_these_services(compose: dict[str, Any]) -> None:
    found: dict[str, set[str]] = {}
    for name, service in compose["services"].items():
        for profile in service["profiles"]:
            found.setdefault(profile, set()).add(name)
    assert found == PROFILES


@pytest.mark.parametrize(
    ("file", "started"), [(INCLUDING[0], set(PROFILES)), (INCLUDING[1], {"core", "spark", "airflow"})]
)
def test_a_documented_file_is_this_one_without_some_profiles(
    file: str, started: set[str], compose: dict[str, Any]
) -> None:
    content = yaml.safe_load((REPOSITORY / file).read_text())
    (included,) = content.pop("include")
    assert content == {"name": compose["name"]}
    own, overrides = ((REPOSITORY / file).parent / path for path in included["path"])
    assert own.resolve() == REPOSITORY / "docker-compose.yml"
    without = yaml.load(overrides.read_text(), Overrides)["services"]
    assert without == {name: {"profiles": []} for name in set().union(*(PROFILES[profile] for profile in started))}


def test_all_are_on_the_documented_network(compose: dict[str, Any]) -> None:
    assert compose["networks"] == {"default": {"name": "spark-net"}}
    assert not any("networks" in service for service in compose["services"].values())


@pytest.mark.parametrize("name", ["spark-master", "airflow-init", "airflow-webserver", "airflow-scheduler"])
def test_docker_exec_finds_the_container_by_the_documented_name(name: str, compose: dict[str, Any]) -> None:
    assert compose["services"][name]["container_name"] == name


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("spark-master", ["/data", "/workspace/data", "/workspace/models", "/workspace/spark/apps", "/opt/spark/jobs"]),
        ("spark-worker", ["/data", "/workspace/data", "/workspace/models"]),
        ("airflow-scheduler", ["/data", "/workspace/data", "/workspace/spark/apps", "/opt/airflow/dags"]),
        ("airflow-webserver", ["/opt/airflow/dags", "/opt/airflow/logs"]),
    ],
)
def test_the_documented_paths_are_there(name: str, places: list[str], compose: dict[str, Any]) -> None:
    volumes = dict(reversed(volume.split(":")[:2]) for volume in compose["services"][name]["volumes"])
    assert set(places) <= volumes.keys()
    assert volumes["/data"] == volumes["/workspace/data"] == "lakehouse"
    assert all((REPOSITORY / source).exists() for source in volumes.values() if source.startswith("."))


@pytest.mark.parametrize("name", SERVICES)
class TestEveryService:
    def test_names_the_version_of_its_image(self, name: str, compose: dict[str, Any]) -> None:
        assert re.search(r":v?\d+\.\d+", compose["services"][name]["image"])

    def test_runs_as_a_user_without_privileges(self, name: str, compose: dict[str, Any]) -> None:
        service = compose["services"][name]
        assert service["user"].partition(":")[0] not in ("", "0", "root")
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]

    def test_is_seen_from_this_machine_alone(self, name: str, compose: dict[str, Any]) -> None:
        assert all(port.startswith("127.0.0.1:") for port in compose["services"][name].get("ports", ()))

    def test_says_when_it_is_healthy(self, name: str, compose: dict[str, Any]) -> None:
        if name == "airflow-init":
            assert compose["services"][name]["healthcheck"] == {"disable": True}  # it ends
        else:
            assert compose["services"][name]["healthcheck"]["test"]

    def test_waits_for_a_healthy_postgres_itself_or_through_another(self, name: str, compose: dict[str, Any]) -> None:
        if name in WITHOUT_POSTGRES:
            return
        waited_for, waiting = {name}, [name]
        while waiting:
            depends = compose["services"][waiting.pop()].get("depends_on", {})
            waiting += [other for other, how in depends.items() if how["condition"] != "service_started"]
            waited_for.update(waiting)
        assert "postgres" in waited_for

    def test_waits_for_services_of_its_own_profile_alone(self, name: str, compose: dict[str, Any]) -> None:
        service = compose["services"][name]
        for other in service.get("depends_on", {}):
            assert set(service["profiles"]) <= set(compose["services"][other]["profiles"])


def test_passwords_and_keys_come_from_env_alone(compose: dict[str, Any], made_env: dict[str, str]) -> None:
    for service in compose["services"].values():
        for variable, value in service["environment"].items():
            if re.search(r"PASSWORD|SECRET|_KEY$", variable):
                assert re.fullmatch(r"\$\{(\w+):\?run make \.env\}", value), variable
            assert "@" not in value or re.search(r":\$\{\w+:\?run make \.env\}@|^1@", value), variable


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AIRFLOW__CORE__EXECUTOR", "LocalExecutor"),
        ("AIRFLOW__CORE__LOAD_EXAMPLES", "false"),
        ("AIRFLOW_CONN_TRAINER_API", "http://webserver:3000"),
        ("AIRFLOW_CONN_MLFLOW_CONN", "http://mlflow:5000"),
        ("AIRFLOW_CONN_SPARK_DEFAULT", "spark://spark-master:7077"),
        ("MLFLOW_TRACKING_URI", "http://mlflow:5000"),
        ("LAKEHOUSE_PATH", "/data"),
    ],
)
def test_airflow_has_the_documented_variables_and_connections(
    variable: str, value: str, compose: dict[str, Any]
) -> None:
    for name in PROFILES["airflow"] - {"postgres"}:
        assert compose["services"][name]["environment"][variable] == value


def test_airflow_cfg_has_the_documented_options_where_airflow_3_has_them() -> None:
    text = (REPOSITORY / "airflow" / "config" / "airflow.cfg").read_text()
    for option in ("dags_folder = /opt/airflow/dags", "executor = LocalExecutor", "refresh_interval = 300"):
        assert f"\n{option}\n" in text
    assert "password" not in text.replace("passwords and keys come", "").replace("with the password of .env", "")


@pytest.mark.parametrize("path", ["dagster.yaml", "deploy/dagster.yaml"])
def test_one_heavy_run_and_one_intake_at_a_time(path: str) -> None:
    limits = yaml.safe_load((REPOSITORY / path).read_text())["concurrency"]["runs"]["tag_concurrency_limits"]
    assert {limit["key"]: limit["limit"] for limit in limits} == {"reco/heavy": 1, "reco/intake": 1}


def test_runs_are_queued_retried_and_watched_in_containers_as_they_are_locally() -> None:
    local, deployed = (
        yaml.safe_load((REPOSITORY / path).read_text()) for path in ("dagster.yaml", "deploy/dagster.yaml")
    )
    differs = {"storage", "compute_logs", "local_artifact_storage"}  # where things lie, and nothing else
    assert {name: local[name] for name in local.keys() - differs} == {
        name: deployed[name] for name in deployed.keys() - differs
    }

"""docker-compose.yml keeps to the Compose schema and to our rules: pinned, unprivileged, on loopback, no secrets."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
SERVICES = ["postgres", "mlflow", "kafka", "code", "webserver", "daemon"]


def test_the_file_keeps_to_the_compose_schema() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, "docker-compose.yml"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_services_are_these(compose: dict[str, Any]) -> None:
    assert list(compose["services"]) == SERVICES


@pytest.mark.parametrize("name", SERVICES)
class TestEveryService:
    def test_names_the_version_of_its_image(self, name: str, compose: dict[str, Any]) -> None:
        assert re.search(r":\d+\.\d+", compose["services"][name]["image"])

    def test_runs_as_a_user_without_privileges(self, name: str, compose: dict[str, Any]) -> None:
        service = compose["services"][name]
        assert service["user"] not in ("", "0", "root")
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]

    def test_is_seen_from_this_machine_alone(self, name: str, compose: dict[str, Any]) -> None:
        assert all(port.startswith("127.0.0.1:") for port in compose["services"][name].get("ports", ()))

    def test_says_when_it_is_healthy(self, name: str, compose: dict[str, Any]) -> None:
        assert compose["services"][name]["healthcheck"]["test"]

    def test_waits_for_a_healthy_postgres_itself_or_through_another(self, name: str, compose: dict[str, Any]) -> None:
        if name == "kafka":
            return  # it keeps what it has by itself
        waited_for, waiting = {name}, [name]
        while waiting:
            depends = compose["services"][waiting.pop()].get("depends_on", {})
            waiting += [other for other, how in depends.items() if how["condition"] == "service_healthy"]
            waited_for.update(waiting)
        assert "postgres" in waited_for


def test_every_variable_that_the_file_asks_for_is_in_the_example_of_env(compose: dict[str, Any]) -> None:
    asked = set(re.findall(r"(?<!\$)\$\{?(\w+)", (REPOSITORY / "docker-compose.yml").read_text()))
    example = dict(
        line.split("=") for line in (REPOSITORY / ".env.example").read_text().splitlines() if line[:1].isupper()
    )
    assert asked <= example.keys()
    assert set(example.values()) == {""}, "an example holds no secret"


def test_env_is_neither_committed_nor_copied_into_the_image() -> None:
    for ignored in (".gitignore", ".dockerignore"):
        assert ".env" in (REPOSITORY / ignored).read_text().splitlines()


def test_passwords_come_from_env_alone(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for variable, value in service["environment"].items():
            if "PASSWORD" in variable:
                assert value.startswith("${POSTGRES_PASSWORD:?")


def test_the_image_is_pinned_and_its_user_unprivileged() -> None:
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    assert any(re.fullmatch(r"FROM python:3\.11\.\d+-slim-\w+", line) for line in lines)
    assert lines[-1] == "USER reco"


@pytest.mark.parametrize("path", ["dagster.yaml", "deploy/dagster.yaml"])
def test_one_heavy_run_and_one_intake_at_a_time(path: str) -> None:
    limits = yaml.safe_load((REPOSITORY / path).read_text())["concurrency"]["runs"]["tag_concurrency_limits"]
    assert {limit["key"]: limit["limit"] for limit in limits} == {"reco/heavy": 1, "reco/intake": 1}

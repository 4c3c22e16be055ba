"""docker-compose.yml as the tests read it, and its services started natively on loopback ports."""

import runpy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.deploy.deployment import AIRFLOW_ENVIRONMENT, Deployment
from tests.deploy.native import REPOSITORY
from tests.deploy.postgres import postgres_programs


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    """The Compose file, not yet interpolated."""
    return dict(yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text()))


@pytest.fixture(scope="session")
def made_env() -> dict[str, str]:
    """The variables of .env as `make .env` makes it."""
    completed = runpy.run_path(str(REPOSITORY / "tools" / "make_env.py"))["completed"]
    text = completed((REPOSITORY / ".env.example").read_text(), "")
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


@pytest.fixture(scope="module")
def deployment(
    compose: dict[str, Any], made_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """The profile core, started in the order and with the health checks that the file says; stopped at the end."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("Postgres is not installed: apt-get install postgresql, or run tests/install_servers.sh as root")
    deployment = Deployment(compose["services"], made_env, programs, tmp_path_factory.mktemp("deployment"))
    try:
        deployment.start("core")
        yield deployment
    finally:
        deployment.stop()


@pytest.fixture(scope="module")
def observability(deployment: Deployment) -> Deployment:
    """The same with what the profile observability has of the platform."""
    deployment.start("observability")
    return deployment


@pytest.fixture(scope="module")
def spark(deployment: Deployment) -> Deployment:
    """The same with the profile spark."""
    deployment.start("spark")
    return deployment


@pytest.fixture(scope="module")
def serve(deployment: Deployment) -> Deployment:
    """The same with the profile serve."""
    deployment.start("serve")
    return deployment


@pytest.fixture(scope="module")
def airflow(deployment: Deployment) -> Deployment:
    """The same with the profile airflow."""
    if not (AIRFLOW_ENVIRONMENT / "bin" / "airflow").exists():
        pytest.skip(f"There is no Airflow in {AIRFLOW_ENVIRONMENT}: run make airflow-env")
    deployment.start("airflow")
    return deployment

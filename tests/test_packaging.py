"""What pyproject.toml declares is what the code imports, and each lock holds what its environment needs, no more."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
OWN = {"reco_assets", "resources", "drift_sensors"}
# Airflow's folder of exported modules runs in Airflow's environment.
ELSEWHERE = ROOT / "reco_assets" / "airflow_export" / "common"
# Declared though no module imports it, and why.
NEEDED_ALL_THE_SAME = {
    "dagster-dg-cli": "the command dg",
    "dagster-postgres": "named in deploy/dagster.yaml",
    "delta-spark": "for who imports delta; it refuses a pyspark that its JARs don't fit",
    "mkdocs-material": "the theme, named in mkdocs.yml",
    "mlflow": "its server and pages",
    "mmdr": "its command draws the diagrams of pages",
    "psycopg2-binary": "named in the addresses of databases",
    "pyspark": "has the modules of pyspark-client, and the JARs",
}
# Where the name that is imported isn't the distribution's, and the distribution may not be installed.
DISTRIBUTION = {
    "dagster_mlflow": "dagster-mlflow",
    "dagster_pyspark": "dagster-pyspark",
    "evidently": "evidently",
    "mlflow": "mlflow-skinny",
    "pydantic_core": "pydantic",  # which pins it
    "pyspark": "pyspark-client",
    "yaml": "pyyaml",
}


def normal(name: str) -> str:
    """A distribution's name as locks write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(requirement: str) -> str:
    return normal(re.split(r"[\[=<>~! ;]", requirement)[0])


@cache
def project() -> Mapping[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def declared() -> set[str]:
    found = project()["project"]
    extras = [requirement for extra in found["optional-dependencies"].values() for requirement in extra]
    docs = project()["dependency-groups"]["docs"]
    return {name_of(requirement) for requirement in (*found["dependencies"], *extras, *docs)} - {"reco-assets"}


def imported(path: Path) -> Iterator[str]:
    """The top-level names that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@cache
def imports() -> dict[str, Path]:
    """Every distribution that the project imports, and a file that does."""
    files = [path for folder in (*sorted(OWN), "tools", "spark", "deploy") for path in (ROOT / folder).rglob("*.py")]
    found = {name: path for path in files if ELSEWHERE not in path.parents for name in imported(path)}
    outside = {name: path for name, path in found.items() if name not in OWN | {"tools"} | sys.stdlib_module_names}
    installed = packages_distributions()
    return {
        normal(DISTRIBUTION.get(name) or installed.get(name, [name])[0]): path.relative_to(ROOT)
        for name, path in outside.items()
    }


def test_everything_that_is_imported_is_declared() -> None:
    of_tools = {name_of(pin) for pin in project()["dependency-groups"]["dev"]}
    known = {name for name, path in imports().items() if path.parts[0] == "tools" and name in of_tools} | declared()
    assert {name: str(path) for name, path in imports().items() if name not in known} == {}


def test_everything_that_is_declared_is_imported_or_needed_for_another_reason() -> None:
    assert declared() - imports().keys() == NEEDED_ALL_THE_SAME.keys()


def lock(name: str) -> dict[str, set[str]]:
    """The packages of a lock, with their versions: of some there is another for older Pythons."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / "requirements" / f"{name}.lock").read_text().splitlines():
        if pinned := re.match(r"([a-z0-9][a-z0-9.-]*)==(\S+)", line):
            found.setdefault(pinned[1], set()).add(pinned[2])
    return found


LOCKS = sorted(path.stem for path in (ROOT / "requirements").glob("*.lock"))


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_of_a_lock_has_its_hashes(name: str) -> None:
    lines = (ROOT / "requirements" / f"{name}.lock").read_text().splitlines()
    pins = [number for number, line in enumerate(lines) if re.match(r"[a-z0-9]", line)]
    assert pins
    assert all(lines[number].endswith(" \\") and "--hash=sha256:" in lines[number + 1] for number in pins)


@pytest.mark.parametrize("name", LOCKS)
def test_locks_agree_on_every_version(name: str) -> None:
    agreed = lock("embedded") | lock("spark")
    assert {package: found for package, found in lock(name).items() if agreed.get(package, found) != found} == {}


def test_the_locks_hold_what_the_project_declares_in_the_same_versions() -> None:
    locked = {package: found for name in LOCKS for package, found in lock(name).items()}
    groups = project()["dependency-groups"].values()
    extras = project()["project"]["optional-dependencies"].values()
    pins = [pin for pins in (project()["project"]["dependencies"], *extras, *groups) for pin in pins if "==" in pin]
    assert {pin for pin in pins if locked.get(name_of(pin)) != {pin.partition("==")[2]}} == set()


@pytest.mark.parametrize("name", ["embedded", "spark"])
def test_an_environment_can_install_the_project_itself_without_a_download(name: str) -> None:
    (builder,) = project()["build-system"]["requires"]
    assert lock(name)[name_of(builder)] == {builder.partition("==")[2]}


def test_the_embedded_engine_needs_no_jars_no_server_and_no_database_client() -> None:
    assert lock("embedded").keys().isdisjoint({"pyspark", "delta-spark", "mlflow", "psycopg2-binary", "scikit-learn"})
    assert {"pyspark-client", "mlflow-skinny", "dagster-mlflow"} <= lock("embedded").keys()


def test_production_has_spark_instead_of_its_client_and_no_test_packages() -> None:
    assert {"pyspark", "delta-spark", "mlflow", "dagster-postgres"} <= lock("spark").keys()
    assert "pyspark-client" not in lock("spark"), "the two share files"
    tests = {name_of(pin) for group in project()["dependency-groups"].values() for pin in group}
    assert lock("spark").keys().isdisjoint(tests)
    assert lock("embedded").keys().isdisjoint(tests)
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"requirements/([a-z]+)\.lock", dockerfile)) == {"spark", "evidently"}


def test_an_environment_of_spark_has_all_but_the_client_of_an_embedded_one() -> None:
    assert lock("embedded").keys() - lock("spark").keys() == {"pyspark-client"}

"""The Dockerfiles: pinned, unprivileged, each lock in an environment of its own, the platform at one path in both."""

import re
from pathlib import Path

import pytest

from tests.deploy.native import Image

REPOSITORY = Path(__file__).resolve().parents[2]
AIRFLOW = re.search(r"apache-airflow==(\S+)", (REPOSITORY / "airflow/dags/requirements-airflow-3.txt").read_text())


@pytest.mark.parametrize(
    ("file", "base", "user"),
    [
        ("Dockerfile", r"python:3\.11\.\d+-slim-\w+", "10001:10001"),
        (
            "airflow/Dockerfile",
            rf"apache/airflow:slim-{re.escape(AIRFLOW[1] if AIRFLOW else '')}-python3\.11",
            "50000:0",
        ),
    ],
)
def test_the_image_is_pinned_and_its_user_unprivileged(file: str, base: str, user: str) -> None:
    lines = (REPOSITORY / file).read_text().splitlines()
    assert any(re.fullmatch(f"FROM {base}", line) for line in lines)
    assert [line for line in lines if line.startswith("USER")][-1] == f"USER {user}"


def test_each_package_is_installed_from_a_lock_with_hashes() -> None:
    for file, locks in (("Dockerfile", 2), ("airflow/Dockerfile", 3)):
        text = (REPOSITORY / file).read_text().replace("\\\n", " ")
        installs = re.findall(r"pip install .*", text)
        assert all("--no-deps" in each for each in installs)
        assert sum(each.count("-r ") for each in installs if "--require-hashes" in each) == locks
        assert [each for each in installs if "--require-hashes" not in each and not each.endswith("--editable .")] == []


def test_sparks_workers_find_the_drivers_python_whichever_image_the_driver_is_in() -> None:
    ours, airflows = Image.of("reco-assets").variables, Image.of("reco-airflow").variables
    for name in ("PYSPARK_PYTHON", "SPARK_HOME", "LAKEHOUSE_PATH", "WORKSPACE"):
        assert ours[name] == airflows[name]


def test_airflow_finds_the_platforms_command_and_none_of_its_packages() -> None:
    variables = Image.of("reco-airflow").variables
    assert variables["RECO_COMMAND"] == "/opt/reco/bin/reco"
    assert variables["PYTHONPATH"] == "/opt/airflow"

"""The DAG files as Airflow loads them, against what the documents say of each."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COMMITTED = sorted((ROOT / "airflow/dags").glob("*.py"))
WRONG = sorted(path.stem for path in (HERE / "wrong_dags").glob("*.py"))


def findings(table: Path, *files: Path) -> dict[str, list[str]]:
    """What the check finds in each file, in a Python of its own: paths as in the containers, every warning shown."""
    paths = ("LAKEHOUSE_PATH", "STREAMING_PATH", "SIM_PATH")
    environment = {name: value for name, value in os.environ.items() if name not in paths}
    command = [sys.executable, "-W", "always", str(HERE / "check_dags.py"), str(table), *map(str, files)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_the_eight_dags_are_as_documented_and_load_without_a_warning() -> None:
    found = findings(HERE / "documented.toml", *COMMITTED)
    assert len(found) == 8
    assert found == {str(file): [] for file in COMMITTED}


@pytest.fixture(scope="module")
def found_in_wrong_dags(dags_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("wrong")
    for name in WRONG:
        (folder / name).mkdir()
        (folder / name / "common").symlink_to(dags_folder / "common")
        shutil.copy(HERE / "wrong_dags" / f"{name}.py", folder / name / "toy.py")
    found = findings(HERE / "wrong_dags/documented.toml", *(folder / name / "toy.py" for name in WRONG))
    return {Path(file).parent.name: problems for file, problems in found.items()}


def test_the_check_finds_nothing_in_a_right_file(found_in_wrong_dags: dict[str, list[str]]) -> None:
    assert found_in_wrong_dags["right"] == []


@pytest.mark.parametrize("trap", [name for name in WRONG if name != "right"])
def test_the_check_finds_the_trap(trap: str, found_in_wrong_dags: dict[str, list[str]]) -> None:
    assert found_in_wrong_dags[trap]

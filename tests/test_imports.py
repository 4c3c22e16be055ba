"""The walls stand: `make lint` fails on an import that goes up, and on a circle of files; pure modules stay so."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("resources", "reco_assets", "drift_sensors")
UP, CIRCLE = "Imports go one way", "No circle of files or folders"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the packages, to plant imports in."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def broken(house: Path) -> set[str]:
    """The contracts that lint-imports finds broken, by the start of their names."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=house, capture_output=True, text=True, check=False, timeout=120)
    assert "Contracts:" in done.stdout, done.stdout + done.stderr
    assert (done.returncode == 0) == ("BROKEN" not in done.stdout)
    return {name for name in (UP, CIRCLE) for line in done.stdout.splitlines() if name in line and "BROKEN" in line}


def plant(path: Path, line: str) -> None:
    path.write_text(path.read_text() + f"\n\ndef planted() -> None:\n    {line}\n")


def test_imports_go_one_way_and_in_no_circle(house: Path) -> None:
    assert broken(house) == set()


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("resources/files.py", "import reco_assets.vocabulary"),
        ("reco_assets/vocabulary.py", "from reco_assets import tables"),
        ("reco_assets/pipelines/spec.py", "import drift_sensors.landing"),
    ],
)
def test_an_import_that_goes_up_is_refused_also_inside_a_function(house: Path, path: str, line: str) -> None:
    plant(house / path, line)
    assert UP in broken(house)


def test_two_files_of_a_room_that_import_each_other_are_refused(house: Path) -> None:
    plant(house / "reco_assets/batches/receipts.py", "import reco_assets.batches.planted")
    (house / "reco_assets/batches/planted.py").write_text("import reco_assets.batches.receipts\n")
    assert broken(house) == {CIRCLE}


def test_only_assets_resources_sensors_and_what_runs_or_composes_them_import_dagster() -> None:
    composing = re.compile(
        r"build|definitions|pipelines/(failures|jobs|schedules)|runner/\w+|monitoring/figures|cli/progress|(\w+/)*assets"
    )
    importing = [
        path.relative_to(ROOT / "reco_assets").with_suffix("").as_posix()
        for path in (ROOT / "reco_assets").rglob("*.py")
        if re.search(r"^\s*(import|from) dagster\b", path.read_text(), re.MULTILINE)
    ]
    assert [module for module in importing if not composing.fullmatch(module)] == []

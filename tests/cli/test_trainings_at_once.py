"""Four trainings at the same time, in processes of their own: each makes, judges and hands on its own version."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reco_assets.models.als.family import ALS
from reco_assets.models.versions.store import ModelStore
from resources.tables.files import dataset_at

pytestmark = pytest.mark.slow

Reco = Callable[..., "subprocess.CompletedProcess[str]"]
AT_ONCE = 4


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, run_reco: Reco, run_python: Reco, small: dict[str, str]) -> Path:
    """A lakehouse with ratings, in which four trainings ran at once."""
    folder = tmp_path_factory.mktemp("at_once")
    variables = small | {"LAKEHOUSE_PATH": str(folder / "lake"), "DAGSTER_HOME": str(folder / "home")}
    (folder / "home").mkdir()
    done = run_reco(["etl"], variables, folder)
    assert done.returncode == 0, done.stderr
    train = [sys.executable, "-m", "reco_assets.cli", "train"]
    ended = [run_python(["-c", START.format(commands=[train] * AT_ONCE)], variables, folder)]
    assert [each.returncode for each in ended] == [0], ended[0].stderr
    return folder / "lake"


START = """
import subprocess, sys
running = [subprocess.Popen(command) for command in {commands!r}]
codes = [process.wait(timeout=280) for process in running]
sys.exit(f"exit codes {{codes}}" if any(codes) else 0)
"""


def test_all_of_them_succeed_with_a_version_each(lake: Path) -> None:
    store = ModelStore(lake / "gold" / "models" / "als", ALS)
    versions = store.versions()
    assert len(versions) == AT_ONCE
    assert len({store.record(version).dagster_run_id for version in versions}) == AT_ONCE
    assert sorted(path.name for path in (lake / "gold" / "metrics").iterdir()) == sorted(
        f"run_metrics_{version}.json" for version in versions
    )
    assert not list(store.folder.glob(".*"))


def test_each_is_judged_and_decided_on(lake: Path) -> None:
    store = ModelStore(lake / "gold" / "models" / "als", ALS)
    for version in store.versions():
        facts = store.record(version).document()
        assert facts["metrics"]["model_version"] == version
        assert facts["decision"].startswith(("promoted", "rejected"))


def test_one_is_the_champion_for_the_store_and_for_mlflow_and_serves(lake: Path) -> None:
    from mlflow import MlflowClient

    store = ModelStore(lake / "gold" / "models" / "als", ALS)
    champion = store.champion()
    assert champion in store.versions()
    database = f"sqlite:///{lake / 'mlflow' / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=database, registry_uri=database)
    assert client.get_model_version_by_alias("reco_als", "champion").tags["version"] == champion
    assert {found.tags["version"] for found in client.search_model_versions("name='reco_als'")} == set(store.versions())
    served = dataset_at(lake / "gold" / "recommendations_als").to_table(columns=["model_version"])[0].unique()
    assert served.to_pylist()[0] in store.versions()


def test_what_each_hands_on_is_remembered_by_its_run(lake: Path) -> None:
    store = ModelStore(lake / "gold" / "models" / "als", ALS)
    handed = json.loads((lake / "gold" / "_versions" / "als_candidate.json").read_text())["runs"]
    assert handed == {store.record(version).dagster_run_id: version for version in store.versions()}

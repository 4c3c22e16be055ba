"""`reco model`: what a person sees of the versions, and which one serves after a command."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from reco_assets.models.als.family import ALS
from reco_assets.models.versions.store import ModelStore
from resources.tables.files import dataset_at

pytestmark = pytest.mark.slow

Reco = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory, run_reco: Reco, small: dict[str, str]) -> Path:
    """A lakehouse with a champion and the version that served before it."""
    folder = tmp_path_factory.mktemp("versions")
    for command in ("etl", "train", "train"):
        done = run_reco([command], small | {"LAKEHOUSE_PATH": str(folder / "lake")}, folder)
        assert done.returncode == 0, done.stderr
    return folder / "lake"


@pytest.fixture
def lake(two_versions: Path, tmp_path: Path) -> Path:
    """A copy of it, where `reco` looks for its lakehouse."""
    return Path(shutil.copytree(two_versions, tmp_path / "lake"))


@pytest.fixture
def store(lake: Path) -> ModelStore:
    return ModelStore(lake / "gold" / "models" / "als", ALS)


def served(lake: Path) -> set[str]:
    """The versions that gold's tables are from."""
    tables = [
        dataset_at(lake / "gold" / name) for name in ("recommendations_als", "recommendations_why", "similar_movies")
    ]
    return {version for table in tables for version in table.to_table(columns=["model_version"])[0].to_pylist()}


def aliases(lake: Path) -> dict[str, str]:
    """What MLflow's aliases point at."""
    from mlflow import MlflowClient

    # The copied database names the folder it was copied from, which reading aliases does not touch.
    database = f"sqlite:///{lake / 'mlflow' / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=database, registry_uri=database)
    model = client.get_registered_model("reco_als")
    return {
        alias: client.get_model_version(model.name, number).tags["version"] for alias, number in model.aliases.items()
    }


def test_every_version_is_listed_with_its_role_figures_and_decision(store: ModelStore, reco: Reco) -> None:
    first, second = store.versions()
    done = reco("model", "list")
    assert done.returncode == 0, done.stderr
    rmse = store.record(second).document()["metrics"]["evaluation"]["rmse"]
    lines = done.stdout.splitlines()
    assert any(first in line and "previous" in line for line in lines)
    assert any(second in line and "champion" in line and f"{rmse:.4f}" in line for line in lines)
    assert any(line.startswith(f"{second} promoted: NDCG") for line in lines)
    assert any(second in line and f"{first}" in line and "+0.0000 to +0.0000" in line for line in lines)


def test_a_rollback_changes_champion_gold_and_mlflow_and_a_second_one_changes_them_back(
    lake: Path, store: ModelStore, reco: Reco
) -> None:
    first, second = store.versions()
    assert (store.champion(), store.previous(), served(lake)) == (second, first, {second})
    for champion, previous in ((first, second), (second, first)):
        started = time.monotonic()
        done = reco("model", "rollback")
        print(f"rollback: {time.monotonic() - started:.1f} s")
        assert done.returncode == 0, done.stderr
        assert f"Champion: {champion}, before it: {previous}." in done.stdout
        assert (store.champion(), store.previous()) == (champion, previous)
        assert served(lake) == {champion}
        assert aliases(lake) == {"champion": champion, "previous": previous}


def test_any_version_can_be_promoted_by_hand(lake: Path, store: ModelStore, reco: Reco) -> None:
    first, second = store.versions()
    assert reco("model", "promote", first).returncode == 0
    assert (store.champion(), store.previous(), served(lake)) == (first, second, {first})


def test_a_version_that_is_not_there_cannot_be_promoted(lake: Path, store: ModelStore, reco: Reco) -> None:
    champion = store.champion()
    done = reco("model", "promote", "20000101_000000")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "20000101_000000" in done.stderr
    assert (store.champion(), served(lake)) == (champion, {champion})


def test_without_a_predecessor_a_rollback_says_what_to_do(store: ModelStore, reco: Reco) -> None:
    champion = store.folder / "champion.json"
    champion.write_text(json.dumps(json.loads(champion.read_text()) | {"previous": None}))
    done = reco("model", "rollback")
    assert done.returncode == 1
    assert "nothing to roll back to" in done.stderr
    assert "reco model promote VERSION" in done.stderr


def test_a_rollback_brings_back_a_missing_file_of_the_version_it_goes_to(
    lake: Path, store: ModelStore, reco: Reco
) -> None:
    first = store.versions()[0]
    (store.path(first) / "user_factors.parquet").unlink()
    done = reco("model", "rollback")
    assert done.returncode == 0, done.stderr
    assert (store.champion(), served(lake)) == (first, {first})


def test_where_the_record_is_lost_every_command_says_so_gold_serves_on_and_a_rollback_restores_the_backup(
    lake: Path, store: ModelStore, reco: Reco
) -> None:
    first, second = store.versions()
    (store.folder / "champion.json").unlink()
    for command in (("model", "list"), ("evaluate",)):
        done = reco(*command)
        assert done.returncode == 1
        assert f"champion.json is gone, although {second} was promoted" in done.stderr
        assert f"reco model promote {second}" in done.stderr
        assert "Traceback" not in done.stderr
    assert served(lake) == {second}
    assert reco("model", "rollback").returncode == 0
    assert (store.champion(), served(lake)) == (first, {first})


def test_a_version_is_reproduced_and_both_figures_are_printed(store: ModelStore, reco: Reco) -> None:
    version = store.versions()[0]
    done = reco("model", "reproduce", version)
    assert done.returncode == 0, done.stderr
    assert f"{version} is reproduced" in done.stdout
    assert done.stdout.count(f"{store.record(version).document()['metrics']['ranking']['ndcg']:.6f}") == 2


def test_a_version_that_comes_out_otherwise_is_an_error_that_names_the_figures(store: ModelStore, reco: Reco) -> None:
    version = store.versions()[0]
    facts = store.record(version).document()
    facts["metrics"]["ranking"]["ndcg"] += 0.01
    (store.path(version) / "model.json").write_text(json.dumps(facts))
    done = reco("model", "reproduce", version)
    assert done.returncode == 1
    assert f"{version} is not reproduced: NDCG@10 differs by more than 0.001" in done.stdout


def test_where_gold_cannot_follow_the_champion_serves_and_the_message_says_what_to_run(
    lake: Path, store: ModelStore, reco: Reco
) -> None:
    first = store.versions()[0]
    shutil.rmtree(lake / "silver" / "train_ratings")
    done = reco("model", "rollback")
    assert done.returncode == 1
    assert f"{first} is the champion, but gold still holds the lists of the one before" in done.stderr
    assert "silver/train_ratings" in done.stderr
    assert "dg launch --assets" in done.stderr
    assert "Traceback" not in done.stderr
    assert store.champion() == first


def test_where_mlflow_is_away_the_rollback_is_done_all_the_same(lake: Path, store: ModelStore, reco: Reco) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    done = reco("model", "rollback", MLFLOW_TRACKING_URI=f"http://127.0.0.1:{port}", MLFLOW_TIMEOUT_SECONDS="1")
    assert done.returncode == 0, done.stderr
    assert "was left out" in done.stderr
    assert served(lake) == {store.champion()}
    assert store.champion() == store.versions()[0]

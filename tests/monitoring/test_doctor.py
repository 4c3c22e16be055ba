"""`reco doctor`: what is wrong has a name and a fix, what is safe is repaired, and looking changes nothing."""

import shutil
import socket
from pathlib import Path

import numpy as np
import pytest

from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.interface import Trained
from reco_assets.models.ratings import Ratings
from reco_assets.models.serving import backup_current_model
from reco_assets.models.versions.store import ModelStore, model_store
from reco_assets.monitoring import doctor
from reco_assets.monitoring.doctor import Finding, examine
from reco_assets.tables import NEWEST_DRIFT_REPORT
from resources.errors import RecoError
from resources.locking.locks import held
from resources.settings import Settings, load_settings

VERSION = "20250101_000001"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return load_settings(lakehouse_path=tmp_path / "lake", streaming_path=tmp_path / "landing")


@pytest.fixture
def champion(settings: Settings) -> ModelStore:
    ids = np.arange(1, 5, dtype=np.int32)
    config = ModelConfig(ExplicitAls(2, 1, 0.1, 1), ImplicitAls(2, 1, 0.1, 1, 0.75), 3.5)
    model = AlsRecommender.fit(Ratings(ids, ids, np.full(4, 4.0, np.float32)), config)
    store = model_store(settings, ALS)
    store.save(VERSION, Trained(model), {"inputs": {"silver/train_ratings": 0}})
    store.promote(VERSION, "first")
    return store


def named(settings: Settings, name: str) -> Finding:
    (found,) = (finding for finding in examine(settings) if finding.name == name)
    return found


def test_a_platform_that_made_nothing_has_no_problem(settings: Settings) -> None:
    assert [found for found in examine(settings) if found.status == "problem"] == []


def test_looking_makes_nothing_and_a_repair_makes_the_folder(settings: Settings) -> None:
    found = named(settings, "streaming folder")
    assert found.status == "note"
    assert not settings.storage.landing.exists()
    assert found.repair is not None
    found.repair()
    assert named(settings, "streaming folder").status == "ok"


def test_a_file_where_a_folder_should_be_is_a_problem_that_nobody_repairs(settings: Settings) -> None:
    settings.storage.landing.write_text("")
    found = named(settings, "streaming folder")
    assert (found.status, found.repair) == ("problem", None)


def test_a_damaged_champion_is_named_with_its_file_and_comes_back_from_the_backup(
    settings: Settings, champion: ModelStore
) -> None:
    backup_current_model(settings)
    (champion.path(VERSION) / "item_factors.parquet").write_bytes(b"PAR1")
    found = named(settings, "champion of als")
    assert found.status == "problem"
    assert "item_factors.parquet" in found.said
    assert found.repair is not None
    assert "item_factors.parquet" in found.repair()
    assert named(settings, "champion of als").status == "ok"


def test_a_damaged_champion_without_a_backup_stays_as_it_is(settings: Settings, champion: ModelStore) -> None:
    (champion.path(VERSION) / "item_factors.parquet").write_bytes(b"PAR1")
    found = named(settings, "champion of als")
    assert found.repair is not None
    with pytest.raises(RecoError, match="backup"):
        found.repair()


def test_a_damaged_drift_report_says_how_to_make_another(settings: Settings) -> None:
    path = settings.storage.root / NEWEST_DRIFT_REPORT
    path.parent.mkdir(parents=True)
    path.write_text("{")
    found = named(settings, "newest drift report")
    assert found.status == "problem"
    assert str(path) in found.said + found.fix
    assert "reco stream detect_drift" in found.fix


def test_a_lock_that_is_held_names_its_holder_and_one_that_a_dead_process_left_is_none(settings: Settings) -> None:
    folder = settings.storage.root / "_locks"
    with held(folder / "silver.ratings.lock", "silver/ratings", 1):
        found = named(settings, "lock")
        assert found.said.startswith("silver.ratings is held by process")
    (folder / "silver.ratings.lock").write_text('{"pid": 1, "command": "reco", "since": "then"}')
    assert [each for each in examine(settings) if each.name == "lock"] == []


def test_a_port_that_is_taken_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(doctor, "PORTS", {server.getsockname()[1]: "Dagit"})
        assert named(settings, "ports").status == "note"


def test_too_little_room_is_a_problem(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(settings.storage.root.parent)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    assert named(settings, "disk").status == "problem"


def test_a_look_that_fails_hides_no_other(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Settings) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(doctor, "EXAMINED", (broken, doctor.versions))
    failed, versions = examine(settings)
    assert (failed.name, failed.status) == ("broken", "problem")
    assert "the disk is gone" in failed.said
    assert versions.status == "ok"

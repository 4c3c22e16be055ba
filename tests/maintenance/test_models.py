"""Model versions stay until a setting says otherwise, and what serves or may serve again stays in any case."""

from collections.abc import Callable

import numpy as np
import pytest

from reco_assets.maintenance.models import remove_superseded, superseded
from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.interface import Trained
from reco_assets.models.ratings import Ratings
from reco_assets.models.serving import backup_current_model
from reco_assets.models.versions.files import ModelStoreError
from reco_assets.models.versions.store import model_store
from resources.settings import Settings, load_settings

VERSIONS = ["20250101_000001", "20250101_000002", "20250101_000003", "20250101_000004", "20250101_000005"]


@pytest.fixture
def make_models(tmp_path: object) -> Callable[[int | None], Settings]:
    """A store with five versions, of which none serves, and the setting of how many are kept."""

    def make(kept: int | None) -> Settings:
        settings = load_settings(lakehouse_path=tmp_path, model_versions_kept=kept)
        ratings = Ratings(np.array([1, 2], np.int32), np.array([7, 7], np.int32), np.array([4.0, 5.0], np.float32))
        model = AlsRecommender.fit(
            ratings, ModelConfig(ExplicitAls(2, 1, 0.1, 1), ImplicitAls(2, 1, 0.1, 1, 0.75), 3.5)
        )
        for version in VERSIONS:
            model_store(settings, ALS).save(version, Trained(model), {"inputs": {}, "split": "random"})
        return settings

    return make


def test_all_versions_stay_without_a_limit() -> None:
    assert superseded(VERSIONS, None, ()) == []


def test_the_newest_and_the_needed_stay() -> None:
    assert superseded(VERSIONS, 2, {VERSIONS[1], None}) == [VERSIONS[0], VERSIONS[2]]


def test_champion_predecessor_and_backup_stay_however_old(make_models: Callable[[int | None], Settings]) -> None:
    settings = make_models(1)
    store = model_store(settings, ALS)
    store.promote(VERSIONS[0], "first")
    backup_current_model(settings)
    store.promote(VERSIONS[1], "second")
    store.promote(VERSIONS[2], "third")
    assert remove_superseded(settings) == [VERSIONS[3]]
    assert store.versions() == [*VERSIONS[:3], VERSIONS[4]]
    assert store.champion() == VERSIONS[2]


def test_nothing_goes_while_the_record_of_the_champion_is_damaged(
    make_models: Callable[[int | None], Settings],
) -> None:
    settings = make_models(1)
    store = model_store(settings, ALS)
    store.promote(VERSIONS[0], "first")
    (store.folder / "champion.json").write_text("{")
    with pytest.raises(ModelStoreError, match=r"champion\.json"):
        remove_superseded(settings)
    assert store.versions() == VERSIONS

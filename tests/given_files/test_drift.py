"""The drift of files that are given: which paths stand for the platform's own, and what is missing is named."""

from pathlib import Path

import pytest

from reco_assets.given_files.drift import DriftPaths, report_on_given
from reco_assets.models.versions.files import ModelStoreError
from resources.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(lakehouse_path=tmp_path / "lake", reco_engine="embedded")


def test_the_platforms_own_paths_are_as_good_as_none(settings: Settings) -> None:
    paths = DriftPaths(
        original_train=settings.storage.root / "silver" / "train_ratings",
        current_train=settings.storage.landing / "train",
        original_test=settings.storage.root / "silver" / "test_ratings",
        current_test=settings.storage.landing / "test",
    )
    assert paths.given(settings) == DriftPaths()


def test_other_paths_are_kept(settings: Settings, tmp_path: Path) -> None:
    paths = DriftPaths(model=tmp_path / "model", current_test=settings.storage.landing / "test")
    assert paths.given(settings) == DriftPaths(model=tmp_path / "model")


def test_detect_drift_without_a_model_says_to_train_one(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ModelStoreError, match="has no champion yet"):
        report_on_given(settings, DriftPaths(current_train=tmp_path, current_test=tmp_path))

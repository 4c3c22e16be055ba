"""Which paths stand for the platform's own tables and versions, and what may become them."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from reco_assets.given_files.own_paths import OwnPathError, is_candidate, presplit_folder, require_future_of_source
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.serving import serving_store
from reco_assets.models.versions.folders import MODEL_FILE, REQUIRED_FILES
from resources.files import write_json
from resources.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(lakehouse_path=tmp_path / "lake", reco_engine="embedded")


def version(settings: Settings, name: str, **facts: Any) -> Path:
    folder = serving_store(settings).path(name)
    folder.mkdir(parents=True)
    for file in REQUIRED_FILES:
        (folder / file).touch()
    needed = {"config": asdict(SERVING_FAMILY.configure(settings)), "mean": 3.5}
    write_json(folder / MODEL_FILE, needed | facts)
    return folder


def test_the_candidate_is_the_newest_version_if_the_assets_trained_it(settings: Settings) -> None:
    first, second = (version(settings, f"2026010{day}_000000", dagster_run_id="run") for day in (1, 2))
    assert is_candidate(settings, second)
    assert not is_candidate(settings, first)
    by_hand = version(settings, "version_20260103_000000")
    assert not is_candidate(settings, by_hand)
    assert not is_candidate(settings, second)


def test_without_a_version_nothing_is_the_candidate(settings: Settings, tmp_path: Path) -> None:
    assert not is_candidate(settings, tmp_path)


def test_split_files_must_lie_as_the_etl_reads_them(tmp_path: Path) -> None:
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    assert presplit_folder({"train": train, "test": test}) == tmp_path
    for wrong in (
        {"train": tmp_path / "mine.txt", "test": test},
        {"train": train, "test": tmp_path / "other" / "test.txt"},
        {"train": test, "test": train},
        {"train": train},
    ):
        with pytest.raises(OwnPathError, match=r"train\.txt and test\.txt in one folder"):
            presplit_folder(wrong)


def test_split_files_beside_a_folder_that_the_etl_prefers_are_refused(tmp_path: Path) -> None:
    (tmp_path / "combined").mkdir()
    with pytest.raises(OwnPathError):
        presplit_folder({"train": tmp_path / "train.txt", "test": tmp_path / "test.txt"})


def test_a_file_of_future_ratings_that_is_not_there_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(OwnPathError, match=r"future\.txt does not exist"):
        require_future_of_source(settings, tmp_path / "future.txt")

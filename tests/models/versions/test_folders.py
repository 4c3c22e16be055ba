"""Model versions as folders: the newest complete one is found, whoever named it, and what one lacks is said."""

import sys
from pathlib import Path

import pytest

from reco_assets.models.als.recommender import ITEMS_FILE, USERS_FILE
from reco_assets.models.versions import folders as versions
from reco_assets.models.versions.folders import (
    MODEL_FILE,
    REQUIRED_FILES,
    ModelVersionError,
    get_latest_model_version_from_path,
    validate_model_version,
)


def version(folder: Path, name: str, *left_out: str) -> Path:
    """A version folder without the files named."""
    path = folder / name
    path.mkdir(parents=True)
    for file in set(REQUIRED_FILES) - set(left_out):
        (path / file).touch()
    return path


def test_a_version_needs_the_files_that_the_store_writes() -> None:
    assert set(REQUIRED_FILES) == {USERS_FILE, ITEMS_FILE, MODEL_FILE}


@pytest.mark.parametrize(
    "names", [("20260101_000000", "20260102_000000"), ("20260101_000000", "version_20260102_000000")]
)
def test_the_newest_version_is_found_by_its_time_under_either_name(tmp_path: Path, names: tuple[str, str]) -> None:
    found = [version(tmp_path, name) for name in names]
    assert get_latest_model_version_from_path(str(tmp_path)) == str(found[1])


def test_a_documented_name_does_not_make_a_version_newer(tmp_path: Path) -> None:
    version(tmp_path, "version_20250101_000000")
    newest = version(tmp_path, "20260101_000000")
    assert get_latest_model_version_from_path(tmp_path) == str(newest)


def test_what_is_incomplete_or_named_otherwise_is_passed_over(tmp_path: Path) -> None:
    complete = version(tmp_path, "20260101_000000")
    version(tmp_path, "20260102_000000", "model.json")
    version(tmp_path, ".20260103_000000.staging")
    version(tmp_path, "20260104_000000_backup")
    (tmp_path / "champion.json").touch()
    assert get_latest_model_version_from_path(tmp_path) == str(complete)


@pytest.mark.parametrize("name", ["here", "nowhere"])
def test_a_folder_without_versions_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "here").mkdir()
    with pytest.raises(ModelVersionError, match=f"{name} holds no model yet"):
        get_latest_model_version_from_path(tmp_path / name)


def test_a_complete_version_is_valid(tmp_path: Path) -> None:
    assert validate_model_version(str(version(tmp_path, "version_20260101_000000")))


def test_an_incomplete_version_is_refused_with_what_it_lacks(tmp_path: Path) -> None:
    path = version(tmp_path, "20260101_000000", "model.json", "user_factors.parquet")
    with pytest.raises(ModelVersionError, match=r"user_factors\.parquet, model\.json missing"):
        validate_model_version(path)


def test_the_module_needs_nothing_but_the_standard_library() -> None:
    source = Path(str(versions.__file__)).read_text()
    imported = {
        line.split()[1].partition(".")[0] for line in source.splitlines() if line.startswith(("from ", "import "))
    }
    assert imported <= sys.stdlib_module_names

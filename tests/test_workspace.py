"""The documents' paths as names: which table or version each one stands for, and when one is refused."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reco_assets.workspace import (
    FUTURE_CSV,
    MERGED,
    NAMES,
    NEW_MODEL,
    STREAMING,
    TRAIN,
    WAITING_TEST,
    NamesakeError,
    but_for_own,
    documented_paths,
    own_path,
    own_version,
)
from resources.settings import Settings, load_settings
from resources.tables.published import publish

ROWS = pa.table({"user_id": [1, 2]})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(lakehouse_path=tmp_path / "data")


@pytest.mark.parametrize(("documented", "name"), NAMES.items())
def test_a_documented_path_below_the_workspace_stands_for_the_platforms_own(
    settings: Settings, tmp_path: Path, documented: str, name: str
) -> None:
    assert but_for_own(settings, tmp_path / documented, name) is None


@pytest.mark.parametrize("name", NAMES.values())
def test_where_it_lies_in_the_lakehouse_it_stands_for_itself(settings: Settings, name: str) -> None:
    assert but_for_own(settings, own_path(settings, name), name) is None


def test_the_lakehouse_and_the_workspace_may_lie_apart(tmp_path: Path) -> None:
    settings = load_settings(lakehouse_path=tmp_path / "lake", workspace=tmp_path / "work")
    for folder in (tmp_path / "lake", tmp_path / "work" / "data"):
        assert but_for_own(settings, folder / "processed" / "parquet" / "train", TRAIN) is None
        assert but_for_own(settings, folder / "processed" / "future.csv", FUTURE_CSV) is None
    assert documented_paths(settings, NEW_MODEL) == (tmp_path / "work/models/artifacts/version_{timestamp}",)


def test_the_streaming_folder_is_where_the_setting_says(tmp_path: Path) -> None:
    settings = load_settings(lakehouse_path=tmp_path / "data", streaming_path=tmp_path / "in")
    assert but_for_own(settings, tmp_path / "in", STREAMING) is None
    assert but_for_own(settings, tmp_path / "data" / "streaming", STREAMING) is None
    assert documented_paths(settings, WAITING_TEST)[0] == tmp_path / "in" / "test"


def test_a_path_is_the_platforms_own_by_whatever_way_it_is_reached(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "data" / "processed").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "data" / "processed")
    assert but_for_own(settings, None, TRAIN) is None
    assert but_for_own(settings, tmp_path / "link" / "parquet" / "train", TRAIN) is None
    assert but_for_own(settings, tmp_path / "data" / ".." / "data" / "processed" / "parquet", MERGED) is None


def test_any_other_path_is_given_back(settings: Settings, tmp_path: Path) -> None:
    for other in (tmp_path / "mine", tmp_path / "processed" / "parquet" / "train", tmp_path / "data" / "silver"):
        assert but_for_own(settings, other, TRAIN) == other


@pytest.mark.parametrize(("name", "asked"), [(TRAIN, "train"), (MERGED, "")])
def test_parquet_of_someone_else_at_a_documented_path_is_refused(
    settings: Settings, tmp_path: Path, name: str, asked: str
) -> None:
    folder = tmp_path / "data" / "processed" / "parquet"
    (folder / "train").mkdir(parents=True)
    pq.write_table(ROWS, folder / "train" / "part-00000.parquet")
    with pytest.raises(NamesakeError, match=r"parquet/train holds Parquet that the platform did not write.*Move it"):
        but_for_own(settings, folder / asked, name)


def test_what_the_platform_published_there_is_no_hindrance(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "processed" / "parquet" / "train"
    publish(folder, ROWS.schema, ROWS.to_batches(), "rows")
    assert but_for_own(settings, folder, TRAIN) is None
    pq.write_table(ROWS, folder / "more.parquet")
    with pytest.raises(NamesakeError):
        but_for_own(settings, folder, TRAIN)


def test_a_documented_model_folder_is_the_version_in_the_store(settings: Settings, tmp_path: Path) -> None:
    own = tmp_path / "data/gold/models/als/20260101_000000"
    own.mkdir(parents=True)
    artifacts = tmp_path / "models" / "artifacts"
    assert own_version(settings, artifacts / "version_20260101_000000") == own
    unknown = artifacts / "version_20260102_000000"
    assert own_version(settings, unknown) == unknown
    assert own_version(settings, tmp_path / "version_20260101_000000") == tmp_path / "version_20260101_000000"

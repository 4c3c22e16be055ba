"""The streaming verbs on files that are given: nothing doubled, nothing on both sides, the same report as elsewhere."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from reco_assets.cli import stream_files
from reco_assets.models.store import ModelStoreError
from reco_assets.sources.source import SourceError
from resources.settings import Settings, load_settings
from resources.table_files import LakehouseError, dataset_at

HEADER = "DATE,CUST_ID,MOVIE_ID,RATING\n"
SCHEMA = pa.schema(
    {
        "user_id": pa.int32(),
        "movie_id": pa.int32(),
        "rating": pa.float32(),
        "rating_ts": pa.timestamp("us", tz="UTC"),
        "origin": pa.string(),
    }
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(lakehouse_path=tmp_path / "lake", reco_engine="embedded")


def csv_file(path: Path, rows: int = 200) -> Path:
    lines = (
        f"2020-01-01 00:00:{number % 60:02},{number},{number % 7 + 1},{number % 10 / 2 + 0.5}" for number in range(rows)
    )
    path.write_text(HEADER + "\n".join(lines) + "\n")
    return path


def ratings(*rows: tuple[int, int, float], origin: str = "history", second: int = 0) -> pa.Table:
    moment = datetime(2020, 1, 1, 0, 0, second, tzinfo=UTC)
    return pa.Table.from_pylist(
        [
            {"user_id": user, "movie_id": movie, "rating": rating, "rating_ts": moment, "origin": origin}
            for user, movie, rating in rows
        ],
        SCHEMA,
    )


def put(folder: Path, table: pa.Table, storage_format: str = "parquet") -> Path:
    if storage_format == "delta":
        write_deltalake(str(folder), table)
    else:
        folder.mkdir(parents=True)
        pq.write_table(table, folder / "part.parquet")
    return folder


def rows_of(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dataset_at(folder).to_table().to_pylist()
    return sorted(found, key=lambda row: (row["user_id"], row["movie_id"], row["rating_ts"]))


def test_process_parts_a_file_into_train_and_test_and_archives_the_original(settings: Settings, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "current.csv")
    content = path.read_bytes()
    said = stream_files.process(settings, path, tmp_path / "out")
    assert (
        said["lines"]
        == said["good"]
        == len(rows_of(tmp_path / "out/train")) + len(rows_of(tmp_path / "out/test"))
        == 200
    )
    assert 0.7 < said["train"] / 200 < 0.9
    assert not path.exists()
    assert (tmp_path / "out/archive" / f"{said['batch']}.csv").read_bytes() == content


def test_processing_the_same_content_again_doubles_nothing(settings: Settings, tmp_path: Path) -> None:
    for _ in range(2):
        stream_files.process(settings, csv_file(tmp_path / "current.csv"), tmp_path / "out")
    assert len(rows_of(tmp_path / "out/train")) + len(rows_of(tmp_path / "out/test")) == 200


def test_a_file_with_a_wrong_header_stays_and_the_error_names_it(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "current.csv"
    path.write_text("CUST_ID,DATE,MOVIE_ID,RATING\n1,2020-01-01,1,4\n")
    with pytest.raises(SourceError, match=r"current\.csv, line 1: the header must be"):
        stream_files.process(settings, path, tmp_path / "out")
    assert path.exists()


def test_a_file_that_is_not_there_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(LakehouseError, match=r"gone\.csv is no file"):
        stream_files.process(settings, tmp_path / "gone.csv", tmp_path / "out")


@pytest.mark.parametrize("storage_format", ["parquet", "delta"])
def test_merge_adds_new_rows_once_and_leaves_known_ones_as_they_are(tmp_path: Path, storage_format: str) -> None:
    put(tmp_path / "processed/train", ratings((1, 1, 4.0)), storage_format)
    put(tmp_path / "processed/test", ratings((2, 1, 3.0)), storage_format)
    put(tmp_path / "stream/train", ratings((1, 1, 1.0), (3, 1, 5.0), origin="batch"))
    put(tmp_path / "stream/test", ratings((4, 1, 2.0), origin="batch"))
    first = stream_files.merge(tmp_path / "stream", tmp_path / "processed")
    again = stream_files.merge(tmp_path / "stream", tmp_path / "processed")
    assert first == {"train_rows_added": 1, "test_rows_added": 1}
    assert again == {"train_rows_added": 0, "test_rows_added": 0}
    assert [(row["user_id"], row["rating"]) for row in rows_of(tmp_path / "processed/train")] == [(1, 4.0), (3, 5.0)]


def test_merge_puts_a_pair_on_the_side_that_has_it(tmp_path: Path) -> None:
    put(tmp_path / "processed/train", ratings((1, 1, 4.0)))
    put(tmp_path / "processed/test", ratings((2, 1, 3.0)))
    put(tmp_path / "stream/train", ratings((2, 1, 5.0), origin="batch", second=9))
    put(tmp_path / "stream/test", ratings((1, 1, 1.0), origin="batch", second=9))
    stream_files.merge(tmp_path / "stream", tmp_path / "processed")
    assert [row["user_id"] for row in rows_of(tmp_path / "processed/train")] == [1, 1]
    assert [row["user_id"] for row in rows_of(tmp_path / "processed/test")] == [2, 2]


def test_merge_takes_one_row_of_a_key_that_two_files_have(tmp_path: Path) -> None:
    put(tmp_path / "processed/train", ratings((9, 9, 4.0)))
    put(tmp_path / "processed/test", ratings((8, 9, 3.0)))
    both = pa.concat_tables([ratings((1, 1, 5.0), origin="a"), ratings((1, 1, 2.0), origin="b")])
    put(tmp_path / "stream/train", both)
    put(tmp_path / "stream/test", ratings((4, 1, 2.0), origin="a"))
    assert stream_files.merge(tmp_path / "stream", tmp_path / "processed")["train_rows_added"] == 1
    assert rows_of(tmp_path / "processed/train")[0]["rating"] == 5.0


def test_merge_names_a_folder_that_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(LakehouseError, match=r"stream/train is no Parquet or Delta folder"):
        stream_files.merge(tmp_path / "stream", tmp_path / "processed")


def test_the_platforms_own_paths_are_as_good_as_none(settings: Settings) -> None:
    paths = stream_files.DriftPaths(
        original_train=settings.root / "silver" / "train_ratings",
        current_train=settings.landing / "train",
        original_test=settings.root / "silver" / "test_ratings",
        current_test=settings.landing / "test",
    )
    assert paths.but_for_own(settings) == stream_files.DriftPaths()


def test_other_paths_are_kept(settings: Settings, tmp_path: Path) -> None:
    paths = stream_files.DriftPaths(model=tmp_path / "model", current_test=settings.landing / "test")
    assert paths.but_for_own(settings) == stream_files.DriftPaths(model=tmp_path / "model")


def test_detect_drift_without_a_model_says_to_train_one(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ModelStoreError, match="has no champion yet"):
        stream_files.detect_drift(settings, stream_files.DriftPaths(current_train=tmp_path, current_test=tmp_path))

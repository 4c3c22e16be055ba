"""PUBLISH_PATHS=on: plain Parquet under the documents' paths follows the tables, whole at every moment."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reco_assets.build import build_definitions
from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.interface import Trained
from reco_assets.models.ratings import Ratings
from reco_assets.models.record import Annotation
from reco_assets.models.versions.published import publish_models
from reco_assets.models.versions.store import model_store
from reco_assets.pipelines.selections import ETL, MERGE, STREAM
from reco_assets.publishing import publish_table
from reco_assets.runner.run import Outcome, materialize_assets
from resources.tables.lakehouse import Lakehouse
from resources.tables.published import PART, is_foreign, publish, published_as

HEADER = "DATE,CUST_ID,MOVIE_ID,RATING"
NEW = [f"2020-01-01,{user},{movie},2.5" for user in (3, 4, 5) for movie in range(10, 20)]
TRAIN = "silver/train_ratings"
ROWS, OTHER = pa.table({"number": [1, 2]}), pa.table({"number": [3]})
TINY = ModelConfig(ExplicitAls(2, 2, 0.1, 1), ImplicitAls(2, 2, 0.1, 1, 0.75), 3.5)


@pytest.fixture
def lake(make_lakehouse: Callable[..., Lakehouse], tmp_path: Path) -> Lakehouse:
    """A lakehouse beside which `models/` may be published, with a source of 20 ratings."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "movies.csv").write_text("movieId,title,genres\n10,A (2000),Drama\n")
    ratings = [f"{user},{movie},4.0,{1_000_000_000 + movie}" for user in (1, 2) for movie in range(10, 20)]
    (tmp_path / "raw" / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *ratings, ""]))
    return make_lakehouse(
        reco_source="movielens", reco_source_path=tmp_path / "raw", future_fraction=0.0, publish_paths="on"
    )


def process(lake: Lakehouse) -> Outcome:
    (lake.settings.storage.landing / "current.csv").write_text("\n".join([HEADER, *NEW, ""]))
    return materialize_assets(build_definitions, lake.settings, STREAM)


def rows_at(folder: Path) -> list[tuple[int, int]]:
    found = pq.read_table(folder)
    return sorted(zip(found["user_id"].to_pylist(), found["movie_id"].to_pylist(), strict=True))


def rows_of(lake: Lakehouse, table: str) -> list[tuple[int, int]]:
    found = lake.dataset(table).to_table()
    return sorted(zip(found["user_id"].to_pylist(), found["movie_id"].to_pylist(), strict=True))


def test_train_and_test_are_published_and_follow_what_is_merged(lake: Lakehouse) -> None:
    made = materialize_assets(build_definitions, lake.settings, ETL)
    parquet = lake.path("processed", "parquet")
    assert made.metadata[TRAIN]["published"] == str(parquet / "train")
    process(lake)
    materialize_assets(build_definitions, lake.settings, MERGE, config={"stream__accepted": {"accept": "ALWAYS"}})
    for side in ("train", "test"):
        assert rows_at(parquet / side) == rows_of(lake, f"silver/{side}_ratings")
        assert [path.name for path in (parquet / side).iterdir()] == [PART]
    assert len(rows_at(parquet / "train")) + len(rows_at(parquet / "test")) == 20 + len(NEW)


def test_what_waits_is_published_below_the_streaming_folder_until_it_is_accepted(lake: Lakehouse) -> None:
    materialize_assets(build_definitions, lake.settings, ETL)
    process(lake)
    folders = [lake.settings.storage.landing / side for side in ("train", "test")]
    assert sorted(row for folder in folders for row in rows_at(folder)) == sorted(
        (user, movie) for user in (3, 4, 5) for movie in range(10, 20)
    )
    assert {*pq.read_table(folders[0]).column_names} == {"user_id", "movie_id", "rating", "rating_ts", "origin"}
    materialize_assets(build_definitions, lake.settings, MERGE, config={"stream__accepted": {"accept": "ALWAYS"}})
    assert [rows_at(folder) for folder in folders] == [[], []]


def test_only_a_table_that_changed_since_is_written_again(lake: Lakehouse) -> None:
    off = lake.settings.changed(publish_paths="off")
    assert "published" not in materialize_assets(build_definitions, off, ETL).metadata[TRAIN]
    part = lake.path("processed", "parquet", "train", PART)
    assert not part.exists()
    publish_table(lake, TRAIN)
    first, stamp, version = part.stat().st_ino, published_as(part.parent), lake.version(TRAIN)
    publish_table(lake, TRAIN)
    assert part.stat().st_ino == first
    lake.path(TRAIN).rename(lake.path("moved away"))
    materialize_assets(build_definitions, lake.settings, (TRAIN,))  # made anew, its versions count from 0 again
    assert lake.version(TRAIN) == version
    assert published_as(part.parent) not in (None, stamp)


def test_parquet_of_someone_else_is_left_alone_and_the_table_is_made_all_the_same(lake: Lakehouse) -> None:
    folder = lake.path("processed", "parquet", "train")
    folder.mkdir(parents=True)
    pq.write_table(OTHER, folder / "mine.parquet")
    with pytest.warns(UserWarning, match="train was not published: it holds Parquet that the platform did not write"):
        made = materialize_assets(build_definitions, lake.settings, ETL)
    assert made.metadata[TRAIN]["dagster/row_count"] == 16
    assert pq.read_table(folder).equals(OTHER)


def test_a_failure_while_publishing_leaves_what_was_there(tmp_path: Path) -> None:
    publish(tmp_path, ROWS.schema, ROWS.to_batches(), "first")

    def broken() -> object:
        yield from OTHER.to_batches()
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        publish(tmp_path, OTHER.schema, broken(), "second")  # type: ignore[arg-type]
    assert published_as(tmp_path) == "first"
    assert pq.read_table(tmp_path).equals(ROWS)
    assert [path.name for path in tmp_path.iterdir()] == [PART]


def test_what_a_killed_publisher_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / f".{PART}.killed").write_bytes(b"half")
    publish(tmp_path, ROWS.schema, ROWS.to_batches(), "rows")
    assert [path.name for path in tmp_path.iterdir()] == [PART]


def test_only_what_carries_the_platforms_stamp_is_its_own(tmp_path: Path) -> None:
    assert not is_foreign(tmp_path)
    publish(tmp_path, ROWS.schema, ROWS.to_batches(), "rows")
    assert not is_foreign(tmp_path)
    pq.write_table(ROWS, tmp_path / PART)
    assert is_foreign(tmp_path)


def test_versions_are_published_whole_and_what_is_said_of_them_follows(lake: Lakehouse, tmp_path: Path) -> None:
    store = model_store(lake.settings, ALS)
    ratings = Ratings(np.array([1, 1, 2], np.int32), np.array([1, 2, 1], np.int32), np.array([5, 1, 4], np.float32))
    model = AlsRecommender.fit(ratings, TINY)
    for version in ("20260101_000000", "20260102_000000"):
        store.save(version, Trained(model), {})
    assert publish_models(lake.settings, ALS) == {"published": str(tmp_path / "models/artifacts")}
    first, second = (tmp_path / f"models/artifacts/version_2026010{day}_000000" for day in (1, 2))
    assert pq.read_table(first / "item_factors.parquet").num_rows == 2
    store.annotate("20260101_000000", Annotation(decision="rejected"))
    publish_models(lake.settings, ALS)
    assert json.loads((first / "model.json").read_text())["decision"] == "rejected"
    store.path("20260102_000000").rename(tmp_path / "removed")
    publish_models(lake.settings, ALS)
    assert (first.exists(), second.exists()) == (True, False)


def test_a_model_that_was_trained_into_the_folder_by_hand_stays(lake: Lakehouse, tmp_path: Path) -> None:
    by_hand = tmp_path / "models" / "artifacts" / "version_20250101_000000"
    by_hand.mkdir(parents=True)
    (by_hand / "model.json").write_text("{}")
    publish_models(lake.settings, ALS)
    assert (by_hand / "model.json").read_text() == "{}"


def test_the_streaming_folder_is_there_once_a_table_is(
    make_lakehouse: Callable[..., Lakehouse], tmp_path: Path
) -> None:
    lakehouse = make_lakehouse(streaming_path=tmp_path / "in", reco_source="synthetic", synthetic_movies=50)
    materialize_assets(build_definitions, lakehouse.settings, ("bronze/movies",))
    assert (tmp_path / "in").is_dir()

"""check_new_data: what there is that the champion was not trained on, counted; and an answer where there is nothing."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from reco_assets.batches.receipt_files import Receipt
from reco_assets.batches.receipts import write_receipts
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.serving import serving_store
from reco_assets.sources.source import LINE, LOADED_TS, SOURCE_FILE
from reco_assets.tables import SILVER_RATINGS, TRAIN_RATINGS
from reco_assets.tasks.new_data import check_new_data
from resources.files import write_json
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse
from resources.tables.writing import schema_of

CHAMPION = "20260101_000000"
LOADED = datetime(2026, 1, 1, tzinfo=UTC)


def write_ratings(lakehouse: Lakehouse, spec: TableSpec, rows: int) -> None:
    whole = {
        "user_id": pa.array(range(rows), pa.int32()),
        "movie_id": pa.array([1] * rows, pa.int32()),
        "rating": pa.array([4.0] * rows, pa.float32()),
        "rating_ts": pa.array([LOADED] * rows, pa.timestamp("us", tz="UTC")),
        "year": pa.array([2026] * rows, pa.int32()),
        "month": pa.array([1] * rows, pa.int32()),
        "origin": pa.array(["history"] * rows),
    }
    lakehouse.write(spec, pa.table({name: whole[name] for name in spec.schema.names}))


def load_bronze(lakehouse: Lakehouse, loaded: datetime = LOADED) -> None:
    stamp = pa.array([loaded], pa.timestamp("us", tz="UTC"))
    raw = pa.table({"userId": ["1"], LINE: pa.array([2], pa.int64()), SOURCE_FILE: ["ratings.csv"], LOADED_TS: stamp})
    lakehouse.write(TableSpec("bronze/ratings", schema_of(raw)), raw)


def crown(lakehouse: Lakehouse, train_version: int | None, train_count: int) -> None:
    """Make a champion that was trained on that version of the training ratings."""
    store = serving_store(lakehouse.settings)
    inputs, config = {TRAIN_RATINGS.name: train_version}, asdict(SERVING_FAMILY.configure(lakehouse.settings))
    facts = {"version": CHAMPION, "inputs": inputs, "train_count": train_count, "config": config, "mean": 3.5}
    write_json(store.path(CHAMPION) / "model.json", facts)
    for file in ("user_factors.parquet", "item_factors.parquet"):
        (store.path(CHAMPION) / file).touch()
    write_json(store.folder / "champion.json", {"version": CHAMPION, "previous": None})


@pytest.fixture
def trained(lakehouse: Lakehouse) -> Lakehouse:
    """A lakehouse whose champion was trained on everything that is there."""
    load_bronze(lakehouse)
    write_ratings(lakehouse, SILVER_RATINGS, 5)
    write_ratings(lakehouse, TRAIN_RATINGS, 3)
    crown(lakehouse, train_version=0, train_count=3)
    return lakehouse


def news(lakehouse: Lakehouse) -> dict[str, Any]:
    found = check_new_data(lakehouse.settings)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def test_with_nothing_new_it_says_so(trained: Lakehouse) -> None:
    found = news(trained)
    assert found["has_new_data"] is False
    assert found["summary"] == f"Nothing new since champion {CHAMPION} was trained."
    assert (found["waiting"], found["landed_files"], found["changed_source_files"]) == (
        {"batches": 0, "rows": 0},
        0,
        [],
    )


def test_before_anything_is_loaded_the_source_is_new(lakehouse: Lakehouse) -> None:
    found = news(lakehouse)
    assert found["has_new_data"] is True
    assert found["summary"] == "bronze/ratings is not loaded yet and no champion yet."
    assert (found["champion"], found["tables"]) == (None, {})


def test_rows_that_training_did_not_see_are_counted_between_the_delta_versions(trained: Lakehouse) -> None:
    write_ratings(trained, TRAIN_RATINGS, 10)
    found = news(trained)
    assert found["has_new_data"] is True
    assert found["tables"]["silver/train_ratings"] == {
        "version": 1,
        "rows": 10,
        "champion_version": 0,
        "champion_rows": 3,
        "new_rows": 7,
    }
    assert found["summary"].startswith("silver/train_ratings: 7 rows more since champion")


def test_history_is_compared_with_its_version_at_the_time_of_training(trained: Lakehouse) -> None:
    write_ratings(trained, SILVER_RATINGS, 6)
    write_ratings(trained, TRAIN_RATINGS, 4)
    crown(trained, train_version=1, train_count=4)
    write_ratings(trained, SILVER_RATINGS, 8)
    found = news(trained)["tables"]
    assert (found["silver/ratings"]["champion_version"], found["silver/ratings"]["version"]) == (1, 2)
    assert found["silver/ratings"]["new_rows"] == 2
    assert found["silver/train_ratings"]["new_rows"] == 0


def test_a_table_that_was_built_again_from_the_same_rows_holds_nothing_new(trained: Lakehouse) -> None:
    write_ratings(trained, TRAIN_RATINGS, 3)
    assert news(trained)["has_new_data"] is False


def test_rows_that_are_gone_are_news_too(trained: Lakehouse) -> None:
    write_ratings(trained, TRAIN_RATINGS, 1)
    assert "silver/train_ratings: 2 rows fewer" in news(trained)["summary"]


def test_without_a_champion_every_row_is_new(lakehouse: Lakehouse) -> None:
    load_bronze(lakehouse)
    write_ratings(lakehouse, TRAIN_RATINGS, 3)
    found = news(lakehouse)["tables"]["silver/train_ratings"]
    assert (found["champion_version"], found["champion_rows"], found["new_rows"]) == (None, None, 3)


def test_without_versions_a_model_knows_how_many_rows_it_saw(make_lakehouse: Callable[..., Lakehouse]) -> None:
    lakehouse = make_lakehouse(storage_format="parquet")
    load_bronze(lakehouse)
    write_ratings(lakehouse, SILVER_RATINGS, 5)
    write_ratings(lakehouse, TRAIN_RATINGS, 4)
    crown(lakehouse, train_version=None, train_count=3)
    found = news(lakehouse)["tables"]
    assert (found["silver/train_ratings"]["version"], found["silver/train_ratings"]["new_rows"]) == (None, 1)
    assert found["silver/ratings"]["new_rows"] is None


def test_batches_that_wait_and_files_that_landed_are_news(trained: Lakehouse) -> None:
    write_receipts(trained.root, [Receipt("b1", "a.csv", 1, 100, 5, 4, 1, 0, 3, 1, 2)])
    trained.settings.storage.landing.mkdir(parents=True, exist_ok=True)
    (trained.settings.storage.landing / "new.csv").write_text("DATE,CUST_ID,MOVIE_ID,RATING\n")
    found = news(trained)
    assert (found["waiting"], found["landed_files"]) == ({"batches": 1, "rows": 4}, 1)
    assert "waiting batches: 1, of 4 ratings; files in " in found["summary"]


@pytest.mark.parametrize(("loaded", "changed"), [(timedelta(days=-1), ["ratings.csv"]), (timedelta(days=1), [])])
def test_source_files_written_after_they_were_loaded_are_news(
    make_lakehouse: Callable[..., Lakehouse], tmp_path: Path, loaded: timedelta, changed: list[str]
) -> None:
    source = tmp_path / "raw"
    source.mkdir()
    for name in ("ratings.csv", "movies.csv"):
        (source / name).write_text("")
    (source / "movies.csv").unlink()
    os.utime(source / "ratings.csv", (0, 0))  # as a file that was unpacked with its old time
    lakehouse = make_lakehouse(reco_source="movielens", reco_source_path=source)
    load_bronze(lakehouse, datetime.now(UTC) + loaded)
    assert news(lakehouse)["changed_source_files"] == changed

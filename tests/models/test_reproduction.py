"""A version is trained again from what it recorded; where that is gone, the message says what."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from reco_assets.build import build_definitions
from reco_assets.models.als.family import ALS
from reco_assets.models.record import ModelRecord
from reco_assets.models.reproduction import Figure, ReproductionError, recipe_of, reproduce_version
from reco_assets.models.versions.store import model_store
from reco_assets.pipelines.selections import ETL, JUDGEMENT, SPLIT, TRAINING
from reco_assets.runner.run import materialize_assets
from resources.engine import Engine
from resources.settings import Settings, load_settings
from resources.tables.lakehouse import Lakehouse


def settings_of(folder: Path, **changes: Any) -> Settings:
    given = {
        "reco_source": "synthetic",
        "synthetic_users": 120,
        "synthetic_movies": 150,
        "synthetic_ratings": 6_000,
        "als_rank": 8,
        "ranking_rank": 8,
    }
    return load_settings(lakehouse_path=folder / "lake", **(given | changes))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lakehouse with a judged version, whose training table was replaced since."""
    folder = tmp_path_factory.mktemp("reproduction")
    materialize_assets(build_definitions, settings_of(folder), (*ETL, *TRAINING, *JUDGEMENT))
    materialize_assets(build_definitions, settings_of(folder, test_fraction=0.3), SPLIT)
    return settings_of(folder)


@pytest.fixture(scope="module")
def record(lake: Settings) -> ModelRecord:
    store = model_store(lake, ALS)
    return store.record(store.latest())


@pytest.fixture
def tables(lake: Settings, engine: Engine) -> Lakehouse:
    return Lakehouse(lake, engine)


@pytest.mark.both_engines
def test_a_version_is_reproduced_from_its_delta_versions_and_settings_whatever_was_written_since(
    record: ModelRecord, lake: Settings, engine: Engine
) -> None:
    ranks = {"als_rank": 3, "ranking_rank": 3}
    protocol = {"reco_seed": 7, "evaluation_k": 3, "rating_threshold": 2.0, "spark_in_memory_rows": 0}
    other = settings_of(lake.storage.root.parent, **ranks, **protocol)
    figures = reproduce_version(Lakehouse(other, engine), ALS, recipe_of(record))
    assert [figure.name for figure in figures] == ["warm RMSE", "RMSE, all pairs", "NDCG@10", "hit rate@10"]
    assert all(figure.same for figure in figures)
    assert figures[0].recorded == record.metrics.evaluation.rmse


def test_a_version_trained_on_the_newest_days_alone_is_reproduced(
    record: ModelRecord, lake: Settings, tables: Lakehouse
) -> None:
    limited = settings_of(lake.storage.root.parent, training_lookback_days=2_000)
    version = materialize_assets(build_definitions, limited, (*TRAINING, *JUDGEMENT)).metadata[TRAINING[0]]["version"]
    recipe = recipe_of(model_store(lake, ALS).record(version))
    assert recipe.lookback_days == 2_000
    assert recipe.train_count < tables.row_count("silver/train_ratings")
    assert all(figure.same for figure in reproduce_version(tables, ALS, recipe))


def test_a_version_that_records_other_settings_than_it_was_made_with_is_not_reproduced(
    record: ModelRecord, tables: Lakehouse
) -> None:
    config = replace(record.config, rating=replace(record.config.rating, reg_param=5.0))
    figures = reproduce_version(tables, ALS, recipe_of(record.model_copy(update={"config": config})))
    assert not all(figure.same for figure in figures)


def test_model_json_records_all_that_a_recipe_needs(record: ModelRecord) -> None:
    recipe = recipe_of(record)
    assert recipe.train_version == record.inputs["silver/train_ratings"]
    assert recipe.test_version == record.metrics.inputs["silver/test_ratings"]
    assert recipe.config.rating.rank == 8
    assert (recipe.protocol.k, recipe.protocol.threshold, recipe.protocol.split) == (10, 4.0, record.split)
    assert len(recipe.describe()) == 1


def test_another_place_than_that_of_the_training_is_said(record: ModelRecord) -> None:
    lines = recipe_of(record.model_copy(update={"engine": "spark", "cores": 999, "code_version": "0.0.1"})).describe()
    assert "999 cores" in lines[1]
    assert "0.0.1" in lines[2]


def test_on_the_embedded_engine_another_number_of_cores_is_not_said_as_it_changes_no_figure(
    record: ModelRecord,
) -> None:
    recipe = recipe_of(record.model_copy(update={"engine": "embedded", "cores": 999}))
    assert len(recipe.describe()) == 1


def test_a_vacuumed_version_is_named(record: ModelRecord, lake: Settings, engine: Engine, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    shutil.copytree(lake.storage.root, settings.storage.root)
    table = DeltaTable(str(settings.storage.root / "silver" / "train_ratings"))
    assert table.vacuum(0, dry_run=False, enforce_retention_duration=False)
    recipe = recipe_of(record)
    with pytest.raises(ReproductionError, match=rf"silver/train_ratings version {recipe.train_version} is no longer"):
        reproduce_version(Lakehouse(settings, engine), ALS, recipe)


def test_a_table_that_was_made_anew_is_not_taken_for_the_old_one(record: ModelRecord, tables: Lakehouse) -> None:
    with pytest.raises(ReproductionError, match=r"was trained on 17 ratings.*made anew"):
        reproduce_version(tables, ALS, recipe_of(record.model_copy(update={"train_count": 17})))


def test_a_version_that_was_not_judged_has_nothing_to_be_compared_with(lake: Settings) -> None:
    version = materialize_assets(build_definitions, lake, TRAINING).metadata[TRAINING[0]]["version"]
    with pytest.raises(ReproductionError, match=f"{version} was never judged.*reco evaluate"):
        recipe_of(model_store(lake, ALS).record(version))


def test_a_version_of_parquet_tables_says_that_they_keep_no_versions(record: ModelRecord) -> None:
    with pytest.raises(ReproductionError, match="parquet"):
        recipe_of(record.model_copy(update={"inputs": {"silver/train_ratings": None}}))


@pytest.mark.parametrize(
    ("recorded", "now", "same"),
    [(0.5, 0.5009, True), (0.5, 0.5011, False), (0.5, None, False), (None, 0.5, False), (None, None, True)],
)
def test_figures_are_the_same_within_a_thousandth(recorded: float | None, now: float | None, same: bool) -> None:
    assert Figure("NDCG", recorded, now).same is same

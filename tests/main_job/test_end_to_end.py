"""The whole main job on real ratings: what a user gets from ml-latest-small, on either engine."""

import json
from typing import TYPE_CHECKING, Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest

from reco_assets.build import build_definitions
from reco_assets.models.serving import serving_store
from reco_assets.pipelines.documented import RECO_PIPELINE
from reco_assets.runner.run import Outcome, materialize_assets
from resources.mlflow.mirror import MlflowTracking
from resources.settings import Settings
from resources.tables.files import table_row_count
from resources.tables.lakehouse import Lakehouse

if TYPE_CHECKING:
    from tests.conftest import RatingFiles


@pytest.fixture(scope="module")
def metrics(settings: Settings, outcome: Outcome) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(next((settings.storage.root / "gold" / "metrics").glob("*.json")).read_text())
    return found


def rows(settings: Settings, table: str) -> int:
    return table_row_count(settings.storage.root / table)


@pytest.mark.both_engines
def test_every_rating_movie_and_tag_of_the_files_is_in_bronze_and_in_silver(
    settings: Settings, outcome: Outcome, movielens: "RatingFiles"
) -> None:
    for table, count in {"ratings": movielens.ratings, "movies": movielens.movies, "tags": movielens.tags}.items():
        assert rows(settings, f"bronze/{table}") == rows(settings, f"silver/{table}") == count


@pytest.mark.both_engines
def test_the_split_loses_no_rating(settings: Settings, outcome: Outcome, movielens: "RatingFiles") -> None:
    sides = [rows(settings, f"silver/{side}_ratings") for side in ("train", "test", "future")]
    assert sum(sides) == movielens.ratings
    assert sides[2] == pytest.approx(0.05 * movielens.ratings, abs=5)


@pytest.mark.both_engines
def test_the_model_beats_both_baselines_and_becomes_champion(
    settings: Settings, metrics: dict[str, Any], movielens: "RatingFiles"
) -> None:
    assert metrics["evaluation"]["rmse"] < metrics["baselines"]["bias_only"]["rmse"]
    factor = 1.4 if movielens.real else 1.0  # how far it beats popularity is a fact of the real ratings
    assert metrics["ranking"]["ndcg"] > factor * metrics["baselines"]["popularity"]["ndcg"]
    assert serving_store(settings).champion() == metrics["model_version"]


@pytest.mark.both_engines
def test_the_metrics_file_has_the_documented_keys(metrics: dict[str, Any]) -> None:
    documented = {"model_version", "execution_ts", "hyperparameters", "dataset_info", "evaluation", "recommendations"}
    assert documented <= metrics.keys()
    assert {"rank", "max_iter", "reg_param", "cold_start_strategy"} <= metrics["hyperparameters"].keys()
    assert set(metrics["dataset_info"]["split_info"]) == {"train_count", "test_count", "total_count"}
    assert {"rmse", "test_count", "predictions_count", "coverage", "mae", "rmse_all", "split"} <= metrics[
        "evaluation"
    ].keys()
    assert {"k", "threshold", "users", "ndcg", "precision", "recall", "map", "hit_rate"} <= metrics["ranking"].keys()


@pytest.mark.both_engines
def test_every_user_gets_ten_movies_none_of_which_the_user_has_rated(
    settings: Settings, outcome: Outcome, lakehouse: Lakehouse
) -> None:
    lake = Lakehouse(settings, lakehouse.engine)
    lists = lake.dataset("gold/recommendations_als").to_table().to_pylist()
    rated = lake.dataset("silver/ratings").to_table(columns=["user_id", "movie_id"]).to_pylist()
    seen = {(row["user_id"], row["movie_id"]) for row in rated}
    assert len(lists) == len({row["user_id"] for row in rated})
    for row in lists:
        movies = [entry["movie_id"] for entry in row["recommendations"]]
        assert len(set(movies)) == 10
        assert not seen & {(row["user_id"], movie) for movie in movies}
        assert [entry["rank"] for entry in row["recommendations"]] == list(range(1, 11))


@pytest.mark.both_engines
def test_the_server_and_the_registered_model_say_what_gold_says(settings: Settings, outcome: Outcome) -> None:
    parity = {found.asset: found for found in outcome.checks if found.name == "serving_parity"}
    assert {asset: found.passed for asset, found in parity.items()} == {
        "gold/recommendations_als": True,
        "gold/similar_movies": True,
    }, parity
    assert parity["gold/recommendations_als"].figures["same entries (registered model)"] == 1.0


def test_mlflow_loads_the_champion_by_its_alias_with_what_it_was_trained_on(
    settings: Settings, outcome: Outcome
) -> None:
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(MlflowTracking(settings).uri)
    try:
        model = mlflow.pyfunc.load_model("models:/reco_als@champion")
    finally:
        mlflow.set_tracking_uri(before)
    asked = pd.DataFrame({"user_id": [-1]})
    store, version = serving_store(settings), outcome.scalars["models/als_champion"]["champion"]
    popular = store.load(version).recommend(np.array([-1], np.int32), 10).movie_id[0]
    assert model.predict(asked)["movie_id"].tolist() == popular.tolist()
    assert model.metadata.metadata["delta_inputs"] == store.record(version).inputs
    assert model.metadata.signature.inputs.required_input_names() == ["user_id"]


def test_a_second_run_keeps_every_pair_on_its_side_and_judges_against_the_champion(
    settings: Settings, outcome: Outcome, lakehouse: Lakehouse
) -> None:
    lake = Lakehouse(settings, lakehouse.engine)

    def sides() -> set[tuple[int, int, str]]:
        columns = ["user_id", "movie_id", "side"]
        found = lake.dataset("silver/split_ratings").to_table(columns=columns).to_pylist()
        return {(row["user_id"], row["movie_id"], row["side"]) for row in found}

    before, champion = sides(), serving_store(settings).champion()
    again = materialize_assets(build_definitions, settings, RECO_PIPELINE.assets)
    assert sides() == before
    version = str(again.metadata["models/als_evaluation"]["version"])
    assert serving_store(settings).record(version).document()["metrics"]["champion"]["version"] == champion

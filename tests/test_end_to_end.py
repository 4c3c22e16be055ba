"""The whole main job on real ratings: what a user gets from ml-latest-small, on either engine."""

import json
from pathlib import Path
from typing import Any

import pytest

from reco_assets.jobs import RECO_PIPELINE
from reco_assets.models.store import model_store
from reco_assets.running import Outcome, materialize_assets
from resources.lakehouse import Lakehouse
from resources.settings import Settings, load_settings
from resources.table_files import table_row_count

pytestmark = [pytest.mark.both_engines]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, movielens: Path) -> Settings:
    lake = tmp_path_factory.mktemp("main_job") / "lake"
    return load_settings(lakehouse_path=lake, reco_source="movielens", reco_source_path=movielens)


@pytest.fixture(scope="module")
def outcome(settings: Settings) -> Outcome:
    return materialize_assets(settings, RECO_PIPELINE.assets)


@pytest.fixture(scope="module")
def metrics(settings: Settings, outcome: Outcome) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(next((settings.root / "gold" / "metrics").glob("*.json")).read_text())
    return found


def rows(settings: Settings, table: str) -> int:
    return table_row_count(settings.root / table)


def test_every_rating_movie_and_tag_of_the_files_is_in_bronze_and_in_silver(
    settings: Settings, outcome: Outcome
) -> None:
    for table, count in {"ratings": 100_836, "movies": 9_742, "tags": 3_683}.items():
        assert rows(settings, f"bronze/{table}") == rows(settings, f"silver/{table}") == count


def test_the_split_loses_no_rating(settings: Settings, outcome: Outcome) -> None:
    sides = [rows(settings, f"silver/{side}_ratings") for side in ("train", "test", "future")]
    assert sum(sides) == 100_836
    assert sides[2] == pytest.approx(5_041, abs=5)


def test_the_model_beats_both_baselines_and_becomes_champion(settings: Settings, metrics: dict[str, Any]) -> None:
    assert metrics["evaluation"]["rmse"] < metrics["baselines"]["bias_only"]["rmse"]
    assert metrics["ranking"]["ndcg"] > 1.4 * metrics["baselines"]["popularity"]["ndcg"]
    assert model_store(settings).champion() == metrics["model_version"]


def test_the_metrics_file_has_the_documented_keys(metrics: dict[str, Any]) -> None:
    documented = {"model_version", "execution_ts", "hyperparameters", "dataset_info", "evaluation", "recommendations"}
    assert documented <= metrics.keys()
    assert {"rank", "max_iter", "reg_param", "cold_start_strategy"} <= metrics["hyperparameters"].keys()
    assert set(metrics["dataset_info"]["split_info"]) == {"train_count", "test_count", "total_count"}
    assert {"rmse", "test_count", "predictions_count", "coverage", "mae", "rmse_all", "split"} <= metrics[
        "evaluation"
    ].keys()
    assert {"k", "threshold", "users", "ndcg", "precision", "recall", "map", "hit_rate"} <= metrics["ranking"].keys()


def test_every_user_gets_ten_movies_none_of_which_the_user_has_rated(
    settings: Settings, outcome: Outcome, lakehouse: Lakehouse
) -> None:
    lake = Lakehouse(settings, lakehouse.engine)
    lists = lake.dataset("gold/recommendations_als").to_table().to_pylist()
    rated = lake.dataset("silver/ratings").to_table(columns=["user_id", "movie_id"]).to_pylist()
    seen = {(row["user_id"], row["movie_id"]) for row in rated}
    assert len(lists) == 610
    for row in lists:
        movies = [entry["movie_id"] for entry in row["recommendations"]]
        assert len(set(movies)) == 10
        assert not seen & {(row["user_id"], movie) for movie in movies}
        assert [entry["rank"] for entry in row["recommendations"]] == list(range(1, 11))


def test_a_second_run_keeps_every_pair_on_its_side_and_judges_against_the_champion(
    settings: Settings, outcome: Outcome, lakehouse: Lakehouse
) -> None:
    lake = Lakehouse(settings, lakehouse.engine)

    def sides() -> set[tuple[int, int, str]]:
        columns = ["user_id", "movie_id", "side"]
        found = lake.dataset("silver/split_ratings").to_table(columns=columns).to_pylist()
        return {(row["user_id"], row["movie_id"], row["side"]) for row in found}

    before, champion = sides(), model_store(settings).champion()
    again = materialize_assets(settings, RECO_PIPELINE.assets)
    assert sides() == before
    version = str(again.metadata["models/als_evaluation"]["version"])
    assert model_store(settings).facts(version)["metrics"]["champion"]["version"] == champion

"""A tuning inside a training run: its trials are nested runs of MLflow, which may be away."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from reco_assets.models.als import solver as als
from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.family import ALS, search_parts
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.assets import model_assets
from reco_assets.models.inputs import goal_of
from reco_assets.models.ratings import Ratings
from reco_assets.models.trial_slice import Cut, Dated
from reco_assets.models.tuning.run import run_tuning
from reco_assets.models.tuning.search import Search
from reco_assets.models.versions.store import model_store
from resources.mlflow.mirror import MlflowTracking
from resources.tables.lakehouse import Lakehouse

SMALL = {"als_rank": 4, "als_max_iter": 2, "ranking_rank": 4, "ranking_max_iter": 2}


def ratings() -> Ratings:
    rng = np.random.default_rng(0)
    user, movie = np.nonzero(rng.random((40, 30)) < 0.5)
    stars = np.where((user + movie) % 2, 4.5, 2.0)
    return Ratings(user.astype(np.int32), movie.astype(np.int32), stars.astype(np.float32))


def search(lakehouse: Lakehouse) -> Search:
    config = ModelConfig(ExplicitAls(4, 2, 0.1, 1), ImplicitAls(4, 2, 0.1, 1, 0.75), 3.5)
    return Search(ALS, Dated(ratings()), config, goal_of(lakehouse, Cut()), search_parts(als.factorize))


@pytest.mark.filterwarnings("error::UserWarning")  # says what MLflow refused, where it did
def test_each_trial_is_a_run_below_that_of_the_tuning(make_lakehouse: Callable[..., Lakehouse]) -> None:
    from mlflow import MlflowClient

    # A call that a busy disk lets wait for longer than 3 s would be left out, which other tests are about.
    lakehouse = make_lakehouse(mlflow_timeout_seconds=60)
    mlflow = MlflowTracking(lakehouse.settings)
    found = run_tuning(lakehouse, mlflow, search(lakehouse), 2, lambda _: None)
    client = MlflowClient(tracking_uri=mlflow.uri)
    experiment = client.get_experiment_by_name("reco_als")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    nested = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == found.record["mlflow_run_id"]]
    assert {run.info.run_name for run in nested} == {"rating 1", "rating 2", "ranking 1", "ranking 2"}
    first = next(run for run in nested if run.info.run_name == "rating 1")
    assert first.data.params == {"part": "rating", "rank": "4", "reg_param": "0.1"}
    assert first.data.metrics == {"rmse": pytest.approx(found.record["rating"]["start"])}


def test_where_mlflow_is_away_it_is_asked_once_and_the_tuning_goes_on(make_lakehouse: Callable[..., Lakehouse]) -> None:
    lakehouse = make_lakehouse(mlflow_tracking_uri="http://127.0.0.1:9", mlflow_timeout_seconds=1)
    with pytest.warns(UserWarning, match="MLflow at http://127.0.0.1:9 was left out") as warned:
        found = run_tuning(lakehouse, MlflowTracking(lakehouse.settings), search(lakehouse), 1, lambda _: None)
    assert len([each for each in warned if "was left out" in str(each.message)]) == 1
    assert found.record["mlflow_run_id"] is None


@pytest.mark.both_engines
def test_the_best_settings_train_the_version_and_stand_in_its_record(
    make_lakehouse: Callable[..., Lakehouse],
) -> None:
    lakehouse = make_lakehouse(**SMALL)
    write_training_ratings(lakehouse)
    candidate = train(lakehouse, {"tune": 2})
    facts = model_store(lakehouse.settings, ALS).record(candidate).document()
    for part in ("rating", "ranking"):
        assert facts["tuning"][part]["trials"] == 2
        for name, value in facts["tuning"][part]["params"].items():
            assert facts["config"][part][name] == value


def test_without_tuning_the_settings_train_the_version(
    make_lakehouse: Callable[..., Lakehouse],
) -> None:
    lakehouse = make_lakehouse(**SMALL)
    write_training_ratings(lakehouse)
    facts = model_store(lakehouse.settings, ALS).record(train(lakehouse, {})).document()
    assert "tuning" not in facts
    assert facts["config"]["rating"]["rank"] == SMALL["als_rank"]


def write_training_ratings(lakehouse: Lakehouse) -> None:
    from deltalake import write_deltalake

    found = ratings()
    columns = {"user_id": found.user_id, "movie_id": found.movie_id, "rating": found.rating}
    columns["rating_ts"] = np.arange(len(found)).astype("datetime64[us]")
    write_deltalake(str(lakehouse.path("silver/train_ratings")), pa.table(columns))
    write_deltalake(str(lakehouse.path("silver/split_ratings")), pa.table({"policy": ["random"]}))


def train(lakehouse: Lakehouse, config: dict[str, Any]) -> str:
    result = dg.materialize(
        model_assets(ALS)[:1],
        resources={
            "lakehouse": lakehouse,
            "mlflow": MlflowTracking(lakehouse.settings),
            "version_io": dg.InMemoryIOManager(),
        },
        run_config={"ops": {"models__als_candidate": {"config": config}}},
    )
    version = result.output_for_node("models__als_candidate")
    assert isinstance(version, str)
    return version

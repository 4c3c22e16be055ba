"""Given tables that are too large for the driver of Spark: judged and compared as in memory, which is the oracle."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reco_assets.given_files.drift import DriftPaths, report_on_given
from reco_assets.given_files.models import evaluate
from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.interface import Trained
from reco_assets.models.ratings import Ratings
from reco_assets.models.versions.files import save_model
from resources.tables.lakehouse import Lakehouse

CONFIG = ModelConfig(ExplicitAls(4, 2, 0.1, 1), ImplicitAls(4, 2, 0.1, 1, 0.75), 3.5)


@dataclass(frozen=True)
class Given:
    """A model, what it was trained on and what it is tested on; newer ratings of the same kinds, half a star lower."""

    model: Path
    train: Path
    test: Path
    new_train: Path
    new_test: Path


@pytest.fixture
def given(tmp_path: Path) -> Given:
    rng = np.random.default_rng(1)
    kept = rng.random((40, 20)) < 0.6
    users, movies = (at.astype(np.int32) for at in np.nonzero(kept))
    stars = rng.integers(2, 11, len(users)).astype(np.float32) / 2
    tested = rng.random(len(users)) < 0.3
    paths = Given(*(tmp_path / name for name in ("model", "train", "test", "new_train", "new_test")))
    for path, rows, lower in (
        (paths.train, ~tested, 0.0),
        (paths.test, tested, 0.0),
        (paths.new_train, ~tested, 0.5),
        (paths.new_test, tested, 0.5),
    ):
        path.mkdir()
        columns = {"user_id": users[rows], "movie_id": movies[rows], "rating": stars[rows] - np.float32(lower)}
        pq.write_table(pa.table(columns), path / "part.parquet")
    model = AlsRecommender.fit(Ratings(users[~tested], movies[~tested], stars[~tested]), CONFIG)
    facts = {"version": "20250101_000001", "split": "as_given", "train_count": int((~tested).sum()), "seed": 1}
    save_model(paths.model, ALS, Trained(model), facts | {"inputs": {"parquet_train_path": str(paths.train)}})
    return paths


@pytest.fixture
def both_ways(make_lakehouse: Callable[..., Lakehouse]) -> Callable[..., list[dict[str, Any]]]:
    """What a verb returns in memory, and beyond it."""

    def ask(verb: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
        limits = ({}, {"spark_in_memory_rows": 0})
        return [verb(make_lakehouse(**limit, drift_bootstrap_samples=199).settings) for limit in limits]

    return ask


@pytest.mark.both_engines
def test_a_model_is_judged_on_given_ratings_as_in_memory(
    given: Given, both_ways: Callable[..., list[dict[str, Any]]]
) -> None:
    in_memory, beyond = both_ways(lambda settings: evaluate(settings, given.model, given.test, pytest.fail))
    assert in_memory["evaluation"]["test_count"] > 0
    assert beyond.keys() == in_memory.keys()
    for section in ("evaluation", "ranking"):
        assert beyond[section] == pytest.approx(in_memory[section])
    for name, figures in in_memory["baselines"].items():
        assert beyond["baselines"][name] == pytest.approx(figures)
    assert beyond["protocol"] == in_memory["protocol"]
    assert "without times" in in_memory["protocol"]


@pytest.mark.both_engines
def test_given_ratings_that_were_trained_on_are_told_as_in_memory(
    given: Given, both_ways: Callable[..., list[dict[str, Any]]]
) -> None:
    in_memory, beyond = both_ways(lambda settings: evaluate(settings, given.model, given.train, pytest.fail))
    assert beyond["protocol"] == in_memory["protocol"]
    again = f"{in_memory['evaluation']['test_count']:,} of them are of pairs that it was trained on"
    assert again in in_memory["protocol"]


@pytest.mark.both_engines
def test_given_ratings_drift_as_in_memory(given: Given, both_ways: Callable[..., list[dict[str, Any]]]) -> None:
    paths = DriftPaths(given.model, given.train, given.new_train, given.test, given.new_test)
    in_memory, beyond = both_ways(lambda settings: report_on_given(settings, paths))
    assert in_memory["drift_score"] > 0
    assert beyond == in_memory

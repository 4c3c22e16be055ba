"""A tiny trained model, and lakehouses whose store holds versions of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender, ModelConfig
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.interface import Trained
from reco_assets.models.ratings import Ratings
from reco_assets.models.versions.store import model_store
from resources.settings import Settings, load_settings

Save = Callable[..., None]


@pytest.fixture(scope="session")
def tiny_model() -> AlsRecommender:
    """12 users and 15 movies, fitted."""
    rng = np.random.default_rng(1)
    pairs = np.array([(user, movie) for user in range(1, 13) for movie in range(1, 16) if rng.random() < 0.6], np.int32)
    stars = rng.integers(1, 11, len(pairs)).astype(np.float32) / 2
    config = ModelConfig(ExplicitAls(4, 3, 0.1, 1), ImplicitAls(4, 3, 0.1, 1, 0.75), 3.5)
    return AlsRecommender.fit(Ratings(pairs[:, 0], pairs[:, 1], stars), config)


@pytest.fixture
def store_settings(tmp_path: Path) -> Settings:
    return load_settings(lakehouse_path=tmp_path / "lake")


@pytest.fixture
def save_version(store_settings: Settings, tiny_model: AlsRecommender) -> Save:
    """Save a version as a run of the assets does, judged against a champion (None: there was none)."""

    def save(version: str, champion: str | None = None, promote: bool = True, **facts: Any) -> None:
        inputs = {"silver/train_ratings": 3, "silver/test_ratings": 4}
        comparison = {
            "champion": champion,
            "promote": promote,
            "reason": "promoted: as good" if promote else "rejected: worse",
            "next_task": "deploy_new_model" if promote else "rollback_model",
        }
        recorded = {
            "dagster_run_id": "run",
            "inputs": {"silver/train_ratings": 3},
            "metrics": {"inputs": inputs, "comparison": comparison},
        }
        model_store(store_settings, ALS).save(version, Trained(tiny_model), recorded | facts)

    return save

"""Ratings of two tastes, and what a network learns from them."""

import numpy as np
import pytest

from reco_assets.models.ncf.config import NcfConfig
from reco_assets.models.ncf.course import Plan, plan
from reco_assets.models.ncf.lessons import Catalogue
from reco_assets.models.ratings import Ratings
from reco_assets.models.training_data import TrainingData

NOBODY_RATED = 400


@pytest.fixture(scope="session")
def config() -> NcfConfig:
    return NcfConfig(
        factors=4,
        learning_rate=0.02,
        l2=1e-4,
        dropout=0.2,
        batch_size=64,
        negatives=4,
        max_epochs=12,
        patience=3,
        features=True,
        seed=1,
    )


@pytest.fixture(scope="session")
def data() -> TrainingData:
    """40 users, each of whom rated 12 of the 20 movies of one of two tastes, at moments of their own."""
    rng = np.random.default_rng(0)
    rows = [(user, 20 * (user % 2) + movie) for user in range(40) for movie in rng.permutation(20)[:12]]
    user, movie = np.array(rows, np.int32).T
    ratings = Ratings(2 * user, 10 * movie, np.full(len(rows), 5.0, np.float32))
    return TrainingData(ratings, {}, "leave_latest_out", moment=rng.permutation(len(rows)).astype(np.int64))


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The 40 movies and one that nobody rated, each with its taste as its feature."""
    taste = np.repeat([0.0, 1.0], 20).astype(np.float32)
    return Catalogue(np.arange(0, 401, 10), np.append(taste, 1.0)[:, None].astype(np.float32))


@pytest.fixture(scope="session")
def planned(data: TrainingData, catalogue: Catalogue, config: NcfConfig) -> Plan:
    return plan(data, catalogue, config.seed)

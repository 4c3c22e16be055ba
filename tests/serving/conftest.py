"""A small lakehouse with two versions of a model, whose answers are known, and the application that serves it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.interface import Trained
from reco_assets.models.ratings import Ratings
from reco_assets.models.versions.store import ModelStore, model_store
from reco_assets.serving.app import make_app
from reco_assets.tables import SILVER_MOVIES, TEST_RATINGS, TRAIN_RATINGS, TRENDING
from resources.settings import Settings, load_settings
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse

FIRST, SECOND = "20260101_000000", "20260102_000000"
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
MOVIES, STRANGER = 40, 999


@dataclass(frozen=True)
class Served:
    """A lakehouse, the ratings that its model learned, and those that users have beside them."""

    lakehouse: Lakehouse
    train: Ratings
    test: Ratings

    @property
    def store(self) -> ModelStore:
        return model_store(self.lakehouse.settings, ALS)

    @property
    def settings(self) -> Settings:
        return self.lakehouse.settings

    @property
    def rated(self) -> Ratings:
        return Ratings.concat([self.train, self.test])


def write(lakehouse: Lakehouse, spec: TableSpec, rows: list[dict[str, object]]) -> None:
    lakehouse.write(spec, pa.Table.from_pylist(rows, to_arrow_schema(spec.schema, timezone="UTC")))


def rating_rows(ratings: Ratings) -> list[dict[str, object]]:
    columns = ratings.user_id.tolist(), ratings.movie_id.tolist(), ratings.rating.tolist()
    rows = zip(*columns, strict=True)
    return [
        {"user_id": user, "movie_id": movie, "rating": stars, "rating_ts": WHEN, "origin": "history"}
        for user, movie, stars in rows
    ]


@pytest.fixture(scope="session")
def make_served(tmp_path_factory: pytest.TempPathFactory, _no_settings_from_outside: None) -> Callable[[], Served]:
    """Make a lakehouse of 20 users and 40 movies whose champion is FIRST; SECOND was trained, too."""

    def make() -> Served:
        folder = tmp_path_factory.mktemp("served")
        lakehouse = Lakehouse.open(load_settings(lakehouse_path=folder / "lake", reco_cache_path=folder / "cache"))
        rng = np.random.default_rng(3)
        user, movie = np.nonzero(rng.random((20, MOVIES)) < 0.4)
        stars = (rng.integers(1, 11, len(user)) / 2).astype(np.float32)
        ratings = Ratings((3 * user + 1).astype(np.int32), (2 * movie + 1).astype(np.int32), stars)
        learned = rng.random(len(ratings)) < 0.8
        served = Served(lakehouse, ratings.where(learned), ratings.where(~learned))
        for spec, side in ((TRAIN_RATINGS, served.train), (TEST_RATINGS, served.test)):
            write(lakehouse, spec, rating_rows(side))
        write(lakehouse, SILVER_MOVIES, [{"movie_id": 1, "title": "Heat (1995)", "genres": ["Action", "Crime"]}])
        write(lakehouse, TRENDING, [{"movie_id": 1, "score": 2.5, "events": 3, "rank": 1, "as_of": WHEN}])
        for version, seed in ((FIRST, 1), (SECOND, 2)):
            config = ModelConfig(ExplicitAls(4, 3, 0.1, seed), ImplicitAls(4, 3, 0.1, seed, 0.75), 3.5)
            served.store.save(version, Trained(AlsRecommender.fit(served.train, config)), {"dagster_run_id": "run"})
        served.store.promote(FIRST, "good")
        return served

    return make


@pytest.fixture(scope="session")
def served(make_served: Callable[[], Served]) -> Served:
    """One for all tests that promote nothing."""
    return make_served()


@pytest.fixture(scope="session")
def client(served: Served) -> Iterator[TestClient]:
    with TestClient(make_app(served.lakehouse), "http://localhost") as client:
        yield client


@pytest.fixture
def empty_client(tmp_path: Path) -> Iterator[TestClient]:
    """Of a lakehouse where nothing was trained."""
    settings = load_settings(lakehouse_path=tmp_path / "lake", reco_cache_path=tmp_path / "cache")
    with TestClient(make_app(Lakehouse.open(settings)), "http://localhost") as client:
        yield client

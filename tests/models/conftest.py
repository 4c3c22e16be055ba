"""A tiny trained model, and lakehouses whose store holds versions of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.baselines import counts_of, scores_at, stars_of, warm
from reco_assets.models.explanation import Explanation, Part, Reasons
from reco_assets.models.interface import Family, Parameter, SearchPart, TopN, Trained
from reco_assets.models.ratings import Ratings, known_positions, positions
from reco_assets.models.record import ModelRecord
from reco_assets.models.top_n import Side, best_movies, nothing_alike
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


@dataclass(frozen=True)
class ToyMeans:
    """How many ratings at the mean of all are believed beside a movie's own."""

    weight: float


@dataclass(frozen=True)
class ToyConfig:
    means: ToyMeans


class ToyRecord(ModelRecord):
    config: ToyConfig
    mean: float


@dataclass(frozen=True)
class ToyModel:
    """Every user gives a movie the mean of its ratings, drawn to the mean of all."""

    config: ToyConfig
    user_ids: np.ndarray
    movie_ids: np.ndarray
    stars: np.ndarray
    mean: float

    new_movies = None

    @classmethod
    def fit(cls, ratings: Ratings, config: ToyConfig) -> "ToyModel":
        user_ids, movie_ids, stars = stars_of(ratings)
        mean, weight = float(stars.data.mean()), config.means.weight
        totals = np.asarray(stars.sum(axis=0)).ravel() + weight * mean
        return cls(config, user_ids, movie_ids, (totals / (counts_of(stars) + weight)).astype(np.float32), mean)

    def knows(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        return warm(self.user_ids, self.movie_ids, user_id, movie_id)

    def predict(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:
        at = positions(self.movie_ids, np.broadcast_to(movie_id, np.broadcast_shapes(user_id.shape, movie_id.shape)))
        return np.where(at < 0, np.float32(self.mean), np.append(self.stars, np.float32(0))[at])

    def score(self, user_id: np.ndarray, movie_id: np.ndarray) -> np.ndarray:  # noqa: ARG002
        return scores_at(self.stars, positions(self.movie_ids, movie_id))

    def recommend(
        self, user_id: np.ndarray, n: int, seen: Ratings | None = None, among: np.ndarray | None = None
    ) -> TopN:
        users = Side(user_id, np.ones((len(user_id), 1), np.float32))
        return best_movies(users, Side(self.movie_ids, self.stars[:, None]), n, seen, among)

    def similar_items(self, movie_id: np.ndarray, n: int) -> TopN:
        return nothing_alike(self.movie_ids, movie_id, n)

    def fold_in(self, ratings: Ratings) -> "ToyModel":
        return replace(self, user_ids=np.unique(ratings.user_id))

    def explain(self, user_id: int, movie_id: int, seen: Ratings) -> Explanation:  # noqa: ARG002
        (at,) = known_positions(self.movie_ids, np.array([movie_id]))
        return Explanation((Part("mean of the movie", float(self.stars[at])),))

    def reasons(self, lists: TopN, seen: Ratings, n: int) -> Reasons:  # noqa: ARG002
        return Reasons.none(lists.movie_id, n)

    def save(self, folder: Path) -> Mapping[str, Any]:
        pq.write_table(pa.table({"user_id": self.user_ids}), folder / "toy_users.parquet")
        pq.write_table(pa.table({"movie_id": self.movie_ids, "stars": self.stars}), folder / "toy_movies.parquet")
        return {"config": self.config, "mean": self.mean}

    @classmethod
    def load(cls, folder: Path, record: ToyRecord) -> "ToyModel":
        users, movies = (pq.read_table(folder / f"toy_{side}.parquet") for side in ("users", "movies"))
        ids = users["user_id"].to_numpy(), movies["movie_id"].to_numpy()
        return cls(record.config, *ids, movies["stars"].to_numpy(), record.mean)


@pytest.fixture(scope="session")
def toy() -> Family:
    """A second family, as small as one can be: with it nothing of the platform is about ALS."""
    means = SearchPart("means", "rmse", (Parameter("weight", 0.1, 100.0),), ToyModel.fit)
    return Family(
        name="toy",
        description="the mean of each movie",
        files=("toy_users.parquet", "toy_movies.parquet"),
        record=ToyRecord,
        metrics_file="run_metrics_toy_{version}.json",
        registered_name=lambda _: "reco_toy",
        configure=lambda _: ToyConfig(ToyMeans(weight=5.0)),
        fit=lambda ratings, config, _: Trained(ToyModel.fit(ratings, config)),
        load=ToyModel.load,
        hyperparameters=lambda config: {"weight": config.means.weight},
        search_space=lambda _: (means,),
    )

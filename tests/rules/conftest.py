"""Rules in few words, a small catalogue, and a model whose scores are known."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.biases import Biases
from reco_assets.rules.catalogue import Catalogue
from reco_assets.rules.rule import Draft, Rule

TODAY = date(2026, 6, 15)
NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
GENRES = ("Action", "Comedy", "Drama")


def draft(**other: Any) -> Draft:
    """Hides movie 1 for everyone from today on, but for what is given."""
    given: dict[str, Any] = {
        **{"action": "hide", "subject": "movie", "value": "1", "user_id": None, "factor": None},
        **{"from_day": TODAY, "until_day": None, "reason": "asked for"},
    }
    return Draft(**(given | other))


def rules_of(*drafts: Draft) -> tuple[Rule, ...]:
    added = datetime(2026, 6, 1, tzinfo=UTC)
    return tuple(Rule(number, each, added) for number, each in enumerate(drafts, 1))


def boost(factor: float, **other: Any) -> Draft:
    return draft(action="boost", factor=factor, **other)


def random_model(seed: int, users: int = 5, movies: int = 12) -> AlsRecommender:
    """Users 0, 2, 4 … of whom the first liked nothing, movies 1, 3, 5 …, and factors of either sign."""
    rng = np.random.default_rng(seed)
    user, item = (rng.normal(size=(rows, 3)).astype(np.float32) for rows in (users, movies))
    user[0] = 0
    return AlsRecommender(
        config=ModelConfig(ExplicitAls(3, 3, 0.1, 1), ImplicitAls(3, 3, 0.1, 1, 0.75), 3.5),
        user_ids=np.arange(0, 2 * users, 2, dtype=np.int32),
        movie_ids=np.arange(1, 2 * movies, 2, dtype=np.int32),
        biases=Biases(3.5, np.zeros(users, np.float32), np.zeros(movies, np.float32)),
        rating_users=user,
        rating_items=item,
        ranking_users=user,
        ranking_items=item,
        item_counts=rng.permutation(movies).astype(np.int32),
    )


def movie_rows(movies: int = 12) -> list[dict[str, Any]]:
    """Movies 1, 3, 5 …, each of two genres, of three years."""
    return [
        {"movie_id": 2 * at + 1, "genres": [GENRES[at % 3], GENRES[(at // 3) % 3]], "release_year": 2000 + at % 3}
        for at in range(movies)
    ]


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.of(pa.Table.from_pylist(movie_rows(), MOVIE_COLUMNS))


MOVIE_COLUMNS = pa.schema({"movie_id": pa.int32(), "genres": pa.list_(pa.string()), "release_year": pa.int32()})

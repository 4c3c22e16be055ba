"""Which versions learned from withdrawn batches, and which one is offered in place of such a champion."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from reco_assets.batches.withdrawn import decide
from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.interface import Trained
from reco_assets.models.ncf.family import NCF
from reco_assets.models.ratings import Ratings
from reco_assets.models.versions.store import ModelStore, model_store
from reco_assets.models.versions.withdrawn import Learned, on_withdrawn, way_out
from reco_assets.tables import TEST_RATINGS, TRAIN_RATINGS
from resources.tables.lakehouse import Lakehouse

OLD, CLEAN, NEW = "20250101_000001", "20250101_000002", "20250101_000003"
RATINGS = Ratings(np.array([1, 1, 2], np.int32), np.array([1, 2, 1], np.int32), np.array([5, 1, 4], np.float32))
MODEL = AlsRecommender.fit(RATINGS, ModelConfig(ExplicitAls(2, 2, 0.1, 1), ImplicitAls(2, 2, 0.1, 1, 0.75), 3.5))


def rows_of(*origins: str) -> pa.Table:
    n = len(origins)
    return pa.table(
        {
            "user_id": pa.array(range(n), pa.int32()),
            "movie_id": pa.array(range(n), pa.int32()),
            "rating": pa.array([4.0] * n, pa.float32()),
            "rating_ts": pa.array([datetime(2010, 1, 1, tzinfo=UTC)] * n, pa.timestamp("us", tz="UTC")),
            "origin": pa.array(origins, pa.string()),
        }
    )


@pytest.fixture
def store(lakehouse: Lakehouse) -> ModelStore:
    """Versions of training ratings 0, with two batches, and 1, without the withdrawn one; the test ratings hold it."""
    lakehouse.write(TRAIN_RATINGS, rows_of("history", "good", "bad"))
    lakehouse.write(TRAIN_RATINGS, rows_of("history", "good"))
    lakehouse.write(TEST_RATINGS, rows_of("history", "bad"))
    decide(lakehouse, "withdraw", ["bad"], "wrong")
    return model_store(lakehouse.settings, ALS)


def save(store: ModelStore, version: str, trained: int, judged: int | None = None) -> None:
    facts: dict[str, Any] = {"inputs": {TRAIN_RATINGS.name: trained}}
    if judged is not None:
        facts["metrics"] = {"inputs": {TEST_RATINGS.name: judged}}
    store.save(version, Trained(MODEL), facts)


def test_versions_are_flagged_by_the_ratings_that_they_were_trained_and_judged_on(
    lakehouse: Lakehouse, store: ModelStore
) -> None:
    save(store, OLD, 0)
    save(store, CLEAN, 1)
    save(store, NEW, 1, judged=0)
    assert on_withdrawn(lakehouse, ALS) == {OLD: Learned(("bad",)), NEW: Learned((), ("bad",))}
    assert on_withdrawn(lakehouse, NCF) == {}
    decide(lakehouse, "reinstate", ["bad"], "")
    assert on_withdrawn(lakehouse, ALS) == {}


def test_of_a_version_whose_ratings_are_gone_nothing_is_told(lakehouse: Lakehouse, store: ModelStore) -> None:
    save(store, OLD, 7)
    assert on_withdrawn(lakehouse, ALS) == {}


def test_the_newest_version_without_it_is_offered_by_a_rollback_where_it_served_before(
    lakehouse: Lakehouse, store: ModelStore
) -> None:
    save(store, OLD, 1)
    save(store, NEW, 0)
    store.promote(OLD, "first")
    assert way_out(store, on_withdrawn(lakehouse, ALS)) is None
    store.promote(NEW, "better")
    said = str(way_out(store, on_withdrawn(lakehouse, ALS)))
    assert OLD in said
    assert "reco model rollback" in said
    save(store, CLEAN, 1)
    assert f"reco model promote {CLEAN}" in str(way_out(store, on_withdrawn(lakehouse, ALS)))


def test_where_every_version_learned_from_it_another_is_to_be_trained(lakehouse: Lakehouse, store: ModelStore) -> None:
    save(store, OLD, 0)
    store.promote(OLD, "first")
    said = str(way_out(store, on_withdrawn(lakehouse, ALS)))
    assert "as was every other version" in said
    assert "reco train" in said

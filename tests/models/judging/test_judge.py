"""Candidate and champion on the same test ratings: what is compared, and what is said where nothing can be."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.baselines import baselines_beside
from reco_assets.models.interface import Family, Trained
from reco_assets.models.judging.evaluation import Exam, Protocol
from reco_assets.models.judging.judge import InMemory, judge
from reco_assets.models.ratings import Ratings
from reco_assets.models.record import MetricsRecord
from reco_assets.models.versions.files import ModelStoreError
from reco_assets.models.versions.store import model_store
from resources.settings import Settings

FIRST, SECOND = "20250101_000001", "20250101_000002"
NOW = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
Save = Callable[..., None]
FACTS = {"split": "per_user", "train_count": 100, "seed": 1}


def no_ratings() -> Ratings:
    raise AssertionError("the model holds its baselines itself")


@pytest.fixture
def trial(tiny_model: AlsRecommender) -> InMemory:
    """Test ratings that the tiny model ranks and rates well: its own first choices, at the stars it predicts."""
    users = np.repeat(tiny_model.user_ids, 3)
    movies = tiny_model.recommend(tiny_model.user_ids, 3).movie_id.ravel()
    stars = np.maximum(tiny_model.predict(users, movies), 4.0).astype(np.float32)
    test, nothing = Ratings(users, movies, stars), Ratings(users[:0], movies[:0], stars[:0])
    exam = Exam(test, nothing, Protocol(10, 4.0, "drop", "per_user"))
    return InMemory(exam, np.zeros(len(users), bool), lambda model: baselines_beside(ALS, model, no_ratings))


@pytest.fixture
def worse(tiny_model: AlsRecommender) -> AlsRecommender:
    """The tiny model, with worse stars than bias-only's and worse lists than popularity's."""
    return replace(tiny_model, rating_items=-3 * tiny_model.rating_items, ranking_items=-tiny_model.ranking_items)


def compared(settings: Settings, trial: InMemory, family: Family = ALS) -> dict[str, Any]:
    found: dict[str, Any] = judge(settings, family, SECOND, trial, NOW)["comparison"]
    return found


def test_the_first_version_has_no_champion_to_be_compared_with(
    store_settings: Settings, save_version: Save, trial: InMemory
) -> None:
    save_version(SECOND, **FACTS)
    found = compared(store_settings, trial)
    assert found["champion"] is None
    assert found["reason"].startswith("promoted: there is no champion to compare with; serves the model's lists")
    assert "ndcg" not in found


def test_the_same_model_again_is_not_worse(store_settings: Settings, save_version: Save, trial: InMemory) -> None:
    save_version(FIRST, **FACTS)
    model_store(store_settings, ALS).promote(FIRST, "first")
    save_version(SECOND, **FACTS)
    found = compared(store_settings, trial)
    assert found["champion"] == FIRST
    assert (found["ndcg"]["difference"], found["ndcg"]["low"], found["ndcg"]["high"]) == (0, 0, 0)
    assert (found["rmse"]["difference"], found["rmse"]["low"], found["rmse"]["high"]) == (0, 0, 0)
    assert (found["samples"], found["seed"]) == (999, 42)
    assert (found["promote"], found["next_task"]) == (True, "deploy_new_model")


def test_a_worse_model_is_rejected_with_the_next_task(
    store_settings: Settings, save_version: Save, trial: InMemory, worse: AlsRecommender
) -> None:
    save_version(FIRST, **FACTS)
    store = model_store(store_settings, ALS)
    store.promote(FIRST, "first")
    store.save(SECOND, Trained(worse), {"inputs": {}, **FACTS})
    found = compared(store_settings, trial, replace(ALS, replaceable=()))
    assert (found["promote"], found["next_task"]) == (False, "rollback_model")
    assert found["ndcg"]["high"] < 0 < found["rmse"]["low"]


def test_baselines_stand_in_for_what_is_worse_and_what_they_scored_is_what_serves(
    store_settings: Settings, trial: InMemory, worse: AlsRecommender
) -> None:
    model_store(store_settings, ALS).save(SECOND, Trained(worse), {"inputs": {}, **FACTS})
    document = judge(store_settings, ALS, SECOND, trial, NOW)
    serves, baselines = document["serves"], document["baselines"]
    assert (serves["lists"], serves["stars"]) == ("popularity", "bias_only")
    assert (serves["ndcg"], serves["rmse"]) == (baselines["popularity"]["ndcg"], baselines["bias_only"]["rmse"])
    assert document["ranking"]["ndcg"] < serves["ndcg"]
    assert document["comparison"]["promote"]
    assert "serves popularity's lists" in document["comparison"]["reason"]
    assert MetricsRecord.model_validate(document).serves.replaced == ("lists", "stars")


def test_what_would_serve_is_compared_with_what_the_champion_serves(
    store_settings: Settings, trial: InMemory, worse: AlsRecommender
) -> None:
    store = model_store(store_settings, ALS)
    store.save(FIRST, Trained(worse), {"inputs": {}, **FACTS, "replaced": ("lists", "stars")})
    store.promote(FIRST, "first")
    store.save(SECOND, Trained(worse), {"inputs": {}, **FACTS})
    document = judge(store_settings, ALS, SECOND, trial, NOW)
    found, baselines = document["comparison"], document["baselines"]
    assert found["ndcg"]["candidate"] == found["ndcg"]["champion"] == pytest.approx(baselines["popularity"]["ndcg"])
    assert found["rmse"]["candidate"] == pytest.approx(found["rmse"]["champion"])
    assert document["champion"]["ranking"]["ndcg"] == baselines["popularity"]["ndcg"]


def test_what_a_baseline_serves_may_still_be_worse_than_the_champion(
    store_settings: Settings, save_version: Save, trial: InMemory, worse: AlsRecommender
) -> None:
    save_version(FIRST, **FACTS)
    store = model_store(store_settings, ALS)
    store.promote(FIRST, "first")
    store.save(SECOND, Trained(worse), {"inputs": {}, **FACTS})
    found = compared(store_settings, trial)
    assert not found["promote"]
    assert "would serve popularity's lists" in found["reason"]


@pytest.mark.parametrize("replaced", [(), ("stars",)])
def test_judging_the_champion_again_changes_nothing_of_what_it_serves(
    store_settings: Settings, trial: InMemory, worse: AlsRecommender, replaced: tuple[str, ...]
) -> None:
    store = model_store(store_settings, ALS)
    store.save(SECOND, Trained(worse), {"inputs": {}, **FACTS, "replaced": replaced})
    store.promote(SECOND, "by hand")
    document = judge(store_settings, ALS, SECOND, trial, NOW)
    assert MetricsRecord.model_validate(document).serves.replaced == replaced
    assert document["comparison"]["reason"].startswith("promoted: it is the champion already")


def test_a_champion_of_another_split_is_not_judged_and_the_document_has_none(
    store_settings: Settings, save_version: Save, trial: InMemory
) -> None:
    save_version(FIRST, **FACTS | {"split": "random"})
    model_store(store_settings, ALS).promote(FIRST, "first")
    save_version(SECOND, **FACTS)
    document = judge(store_settings, ALS, SECOND, trial, NOW)
    assert document["champion"] is None
    assert document["comparison"]["champion"] == FIRST
    assert f"champion {FIRST} was trained on another split (random)" in document["comparison"]["reason"]
    assert "ndcg" not in document["comparison"]


def test_a_champion_that_cannot_be_loaded_stops_the_evaluation_with_a_way_out(
    store_settings: Settings, save_version: Save, trial: InMemory
) -> None:
    save_version(FIRST, **FACTS)
    store = model_store(store_settings, ALS)
    store.promote(FIRST, "first")
    save_version(SECOND, **FACTS)
    (store.path(FIRST) / "user_factors.parquet").write_bytes(b"PAR1")
    with pytest.raises(ModelStoreError, match=rf"champion cannot be loaded: .*{FIRST}.*reco model rollback"):
        judge(store_settings, ALS, SECOND, trial, NOW)
    assert store.champion() == FIRST

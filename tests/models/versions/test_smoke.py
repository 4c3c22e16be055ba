"""A loaded model is asked what the trained one answered; every way in which it may differ is found."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reco_assets.models.als.family import ALS
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.interface import Trained
from reco_assets.models.versions.files import load_users, save_model
from reco_assets.models.versions.smoke import SAMPLE_FILE, SmokeTestError, smoke_test, write_sample


@pytest.fixture
def folder(tmp_path: Path, tiny_model: AlsRecommender) -> Path:
    save_model(tmp_path / "version", ALS, Trained(tiny_model), {})
    return tmp_path / "version"


def test_a_model_that_was_saved_and_loaded_answers_as_before(folder: Path) -> None:
    smoke_test(partial(load_users, folder, ALS), folder, "a version")


def test_the_sample_asks_for_users_of_the_model_and_one_it_does_not_know(
    folder: Path, tiny_model: AlsRecommender
) -> None:
    sample = json.loads((folder / SAMPLE_FILE).read_text())
    assert sample["user_id"] == [*tiny_model.user_ids.tolist(), -1]
    assert len(sample["stars"]) == len(sample["scores"]) == len(sample["user_id"])


def with_nan(model: AlsRecommender) -> AlsRecommender:
    return replace(model, rating_users=np.full_like(model.rating_users, np.nan))


def with_other_stars(model: AlsRecommender) -> AlsRecommender:
    return replace(model, rating_items=model.rating_items + 0.1)


def with_other_lists(model: AlsRecommender) -> AlsRecommender:
    return replace(model, ranking_items=model.ranking_items[::-1].copy())


def with_other_scores(model: AlsRecommender) -> AlsRecommender:
    return replace(model, ranking_items=model.ranking_items * 1.1)


def with_short_lists(model: AlsRecommender) -> AlsRecommender:
    return replace(model, movie_ids=np.ones_like(model.movie_ids))


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (with_nan, "predictions are numbers within 0.5 and 5 stars"),
        (with_other_stars, "predictions are those of the trained model"),
        (with_other_lists, "lists are those of the trained model"),
        (with_other_scores, "list scores are those of the trained model"),
        (with_short_lists, "lists hold 10 different movies"),
    ],
)
def test_a_model_that_answers_otherwise_fails_and_the_message_says_how(
    folder: Path, tiny_model: AlsRecommender, damage: Callable[[AlsRecommender], AlsRecommender], rule: str
) -> None:
    with pytest.raises(SmokeTestError, match=rf"^it failed.*{rule}.*not promoted"):
        smoke_test(lambda _: damage(tiny_model), folder, "it")


def test_a_model_that_was_broken_when_it_was_trained_fails_as_well(tmp_path: Path, tiny_model: AlsRecommender) -> None:
    write_sample(tmp_path, with_nan(tiny_model))
    with pytest.raises(SmokeTestError, match=r"within 0\.5 and 5 stars"):
        smoke_test(lambda _: with_nan(tiny_model), tmp_path, "it")


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("{")], ids=["missing", "damaged"])
def test_without_a_sample_nothing_can_be_tested_and_the_message_says_so(
    folder: Path, tiny_model: AlsRecommender, damage: Callable[[Path], Any]
) -> None:
    damage(folder / SAMPLE_FILE)
    with pytest.raises(SmokeTestError, match=r"cannot be tested: .*sample\.json is missing or damaged"):
        smoke_test(lambda _: tiny_model, folder, "it")

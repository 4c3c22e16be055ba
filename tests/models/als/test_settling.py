"""What a training settles by itself is what does best on the slice, and the slice is cut as the test side is."""

from dataclasses import replace

import numpy as np
import pytest

from reco_assets.models.als.config import EaseConfig, Mix, ModelConfig
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.settling import _less, _steadiest, settle
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.judging.metrics import ranking_metrics
from reco_assets.models.ratings import Ratings
from reco_assets.models.trial_slice import Cut, Dated, Goal, Slice, Strategy, held_out_slice

CONFIG = ModelConfig(
    ExplicitAls(4, 5, 0.1, 1), ImplicitAls(8, 5, 0.1, 1, 0.75), 3.5, EaseConfig(reg_param=20.0, rank=16), model="auto"
)
GOAL = Goal(10, 4.0, 42, "embedded")


def of(user: np.ndarray, movie: np.ndarray, stars: np.ndarray | float) -> Ratings:
    every = np.broadcast_to(np.asarray(stars, np.float32), user.shape).copy()
    return Ratings(user.astype(np.int32), movie.astype(np.int32), every)


def first_tastes_then_hits() -> tuple[Dated, Ratings]:
    """180 users of 6 tastes rate 12 of their taste's 16 movies, and after that 12 of 14 hits; the last 4 are the test.

    So a user's newest ratings are of hits, and ratings drawn at random are mostly of tastes.
    """
    rng, train, test = np.random.default_rng(3), [], []
    for user in range(180):
        tastes = 100 + 16 * (user % 6) + rng.permutation(16)[:12]
        movies = np.concatenate([tastes, rng.permutation(14)[:12]])
        rows = np.stack([np.full(24, user), movies, np.arange(24)])
        train.append(rows[:, :20])
        test.append(rows[:, 20:])
    known, tested = np.hstack(train), np.hstack(test)
    return Dated(of(known[0], known[1], 5.0), known[2]), of(tested[0], tested[1], 5.0)


def settled_on(train: Dated, strategy: Strategy) -> ModelConfig:
    goal = replace(GOAL, cut=Cut(strategy))
    config: ModelConfig = settle(held_out_slice(train, goal), CONFIG, goal).config
    return config


def test_only_a_slice_cut_as_the_test_side_picks_the_right_setting() -> None:
    train, test = first_tastes_then_hits()
    found = {strategy: settled_on(train, strategy) for strategy in ("per_user", "random")}

    def ndcg(config: ModelConfig) -> float:
        lists = AlsRecommender.fit(train.ratings, config).recommend(np.unique(test.user_id), 10, seen=train.ratings)
        return ranking_metrics(lists, test, 10, 4.0).ndcg

    assert found["per_user"].mix.popularity > found["random"].mix.popularity
    assert ndcg(found["per_user"]) > ndcg(found["random"]) + 0.1


def noise(users: int = 60, movies: int = 40) -> Ratings:
    """Who rates what, and how, says nothing."""
    rng = np.random.default_rng(1)
    user, movie = np.nonzero(rng.random((users, movies)) < 0.5)
    return of(user, movie, rng.integers(1, 11, len(user)) / 2)


def cut(ratings: Ratings) -> Slice:
    return held_out_slice(Dated(ratings), GOAL)


def test_factors_that_learned_noise_are_not_added_to_the_stars() -> None:
    assert settle(cut(noise()), CONFIG, GOAL).config.shrinkage == 0


def test_a_gain_within_a_standard_error_is_none() -> None:
    errors = np.array([1.0, 0.5, 2.0, 0.1])
    assert _less(errors - 0.01, errors)
    assert not _less(errors[::-1] - 0.01, errors)
    assert not _less(errors, errors)


def test_factors_that_learned_tastes_are() -> None:
    rng = np.random.default_rng(2)
    user, movie = np.nonzero(rng.random((60, 40)) < 0.6)
    tastes = of(user, movie, np.where((user + movie) % 2, 4.5, 1.5))
    assert settle(cut(tastes), CONFIG, GOAL).config.shrinkage >= 0.7


def test_the_mix_is_the_best_of_those_that_were_tried_and_all_stand_in_the_record() -> None:
    train, _ = first_tastes_then_hits()
    found = settle(cut(train.ratings), replace(CONFIG, model="ease"), GOAL)
    tried = found.record["lists"]["tried"]
    best = max(tried, key=lambda each: each["ndcg"])
    assert found.config.mix == Mix(best["als"], best["ease"], best["popularity"])
    assert found.record["line"].startswith(
        f"Chosen on {found.record['held_out']:,} training ratings (cut random): lists by"
    )
    assert f"NDCG@10 {best['ndcg']:.4f}" in found.record["line"]


def test_of_models_that_cannot_be_told_apart_both_together_are_taken() -> None:
    equal = np.array([0.2, 0.4, 0.1, 0.5])
    scores = {Mix(1.0, 0.0): equal, Mix(0.0, 1.0): equal + 0.01, Mix(0.5, 1.0): equal[::-1]}
    assert _steadiest(scores) == Mix(0.5, 1.0)
    assert _steadiest({**scores, Mix(0.0, 1.0): equal + 0.3}) == Mix(0.0, 1.0)


@pytest.mark.parametrize("model", ["als", "ease"])
def test_a_model_that_the_settings_name_is_the_only_one_that_is_tried(model: str) -> None:
    train, _ = first_tastes_then_hits()
    mix = settle(cut(train.ratings), replace(CONFIG, model=model), GOAL).config.mix  # type: ignore[arg-type]
    assert (mix.als, mix.ease) == ((1.0, 0.0) if model == "als" else (0.0, 1.0))


@pytest.mark.parametrize(
    "ratings",
    [of(np.zeros(0), np.zeros(0), 5.0), of(np.array([1]), np.array([1]), 5.0), of(np.arange(40), np.arange(40), 1.0)],
    ids=["none", "one", "nothing is liked"],
)
def test_where_there_is_nothing_to_judge_by_the_settings_stand_and_the_record_says_so(ratings: Ratings) -> None:
    found = settle(cut(ratings), CONFIG, GOAL)
    assert found.config == CONFIG
    assert "as there was nothing to judge them by" in found.record["line"]


@pytest.mark.parametrize(("of_all", "tried"), [(True, {0.1, 0.4}), (False, {0.1})])
def test_a_slice_of_some_users_chooses_no_penalty_as_its_movies_have_fewer_ratings(
    of_all: bool, tried: set[float]
) -> None:
    some = replace(cut(noise()), of_all=of_all)
    found = settle(some, replace(CONFIG, reg_params=(0.4,)), GOAL).record["stars"]["tried"]
    assert {each["reg_param"] for each in found} == tried

"""A ranking part of several models answers as one of a single model does: lists, explanations, who is folded in."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reco_assets.models.als.config import EaseConfig, Mix, ModelConfig
from reco_assets.models.als.mapped import load_mapped, write_mapped
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED

STRANGER = 999
MIXES = [Mix(0.0, 1.0, 0.0), Mix(0.0, 1.0, 0.2), Mix(1.0, 0.0, 0.2), Mix(0.5, 1.0, 0.2)]
START = ModelConfig(
    ExplicitAls(4, 8, 0.1, 1), ImplicitAls(4, 8, 0.1, 1, 0.75), 3.5, EaseConfig(reg_param=5.0, rank=6), shrinkage=0.5
)


def ratings() -> Ratings:
    """40 users of two tastes, 24 movies; user 0 likes nothing, and nobody likes movie 0."""
    rng = np.random.default_rng(5)
    user, movie = np.nonzero(rng.random((40, 24)) < 0.5)
    stars = np.where((user + movie) % 2, 4.5, 2.0)
    stars[(user == 0) | (movie == 0)] = 1.0
    return Ratings(user.astype(np.int32), movie.astype(np.int32), stars.astype(np.float32))


TRAIN = ratings()
USERS = np.arange(40, dtype=np.int32)


@pytest.fixture(scope="module", params=MIXES, ids=str)
def model(request: pytest.FixtureRequest) -> AlsRecommender:
    return AlsRecommender.fit(TRAIN, replace(START, mix=request.param))


def test_lists_hold_the_users_taste(model: AlsRecommender) -> None:
    lists = model.recommend(USERS[1:], 4, seen=TRAIN).movie_id
    assert ((USERS[1:, None] + lists) % 2)[lists != MASKED].mean() > 0.8


def test_who_liked_nothing_gets_popular_movies(model: AlsRecommender) -> None:
    np.testing.assert_array_equal(
        model.recommend(USERS[:1], 5).movie_id, model.popularity.recommend(USERS[:1], 5).movie_id
    )


def test_the_parts_of_an_explanation_add_up_and_name_each_liked_movie(model: AlsRecommender) -> None:
    folded = model.fold_in(TRAIN)
    lists = folded.recommend(USERS[1:3], 3, seen=TRAIN)
    for user, movies, scores in zip(USERS[1:3], lists.movie_id, lists.score, strict=True):
        liked = TRAIN.where((TRAIN.user_id == user) & (TRAIN.rating >= 3.5)).movie_id
        for movie, score in zip(movies, scores, strict=True):
            found = model.explain(int(user), int(movie), TRAIN)
            assert found.score == pytest.approx(float(score), rel=1e-3)
            assert {part.movie_id for part in found.parts} - {None} == set(liked.tolist())


def test_the_reasons_for_lists_are_the_greatest_parts_of_their_explanations(model: AlsRecommender) -> None:
    lists = model.recommend(USERS[1:4], 2, seen=TRAIN)
    found = model.reasons(lists, TRAIN, 2)
    for row, movies in enumerate(lists.movie_id):
        for place, movie in enumerate(movies):
            told = model.explain(int(lists.user_id[row]), int(movie), TRAIN)
            liked = [part for part in told.parts if part.movie_id is not None][:2]
            shares = [part.value / told.score for part in liked]
            np.testing.assert_allclose(found.share[row, place], shares, rtol=1e-5)


def test_a_movie_is_like_those_that_the_same_users_like_and_one_nobody_liked_like_none(model: AlsRecommender) -> None:
    lists = model.similar_items(model.movie_ids, 4)
    assert (lists.movie_id[0] == MASKED).all()
    assert (((lists.movie_id - lists.user_id[:, None]) % 2)[1:] == 0).mean() > 0.9


def test_loaded_mapped_and_of_some_users_it_answers_the_same(model: AlsRecommender, tmp_path: Path) -> None:
    model.save(tmp_path)
    write_mapped(tmp_path, tmp_path / "arrays")
    rest = model.config, model.biases.mean
    own = TRAIN.where(TRAIN.user_id == 3)
    stranger = Ratings(np.full(len(own), STRANGER, np.int32), own.movie_id, own.rating)
    for loaded in (AlsRecommender.load(tmp_path, *rest), load_mapped(tmp_path / "arrays", *rest)):
        for now, then in ((loaded, model), (loaded.fold_in(stranger), model.fold_in(stranger))):
            lists = now.recommend(np.append(USERS, np.int32(STRANGER)), 5, seen=TRAIN)
            same = then.recommend(np.append(USERS, np.int32(STRANGER)), 5, seen=TRAIN)
            np.testing.assert_array_equal(lists.movie_id, same.movie_id)
            np.testing.assert_array_equal(now.predict(USERS, USERS % 24), then.predict(USERS, USERS % 24))


@pytest.mark.parametrize("mix", MIXES[:2], ids=str)
def test_what_ease_says_of_a_training_user_is_what_it_says_when_the_user_is_folded_in(mix: Mix) -> None:
    model = AlsRecommender.fit(TRAIN, replace(START, mix=mix))
    np.testing.assert_allclose(model.fold_in(TRAIN).ranking_users, model.ranking_users, atol=1e-6)


def test_stars_are_the_biases_and_a_share_of_what_the_factors_add() -> None:
    whole, half, none = (AlsRecommender.fit(TRAIN, replace(START, shrinkage=share)) for share in (1.0, 0.5, 0.0))
    np.testing.assert_array_equal(none.predict(USERS, USERS % 24), whole.bias_only.predict(USERS, USERS % 24))
    np.testing.assert_allclose(half.rating_users, whole.rating_users / 2)


def test_a_user_of_whom_the_factors_know_nothing_gets_popular_movies_by_the_least_weight() -> None:
    """User 90 likes one movie that nobody else rated, so EASE doesn't know it."""
    lonely = Ratings.concat(
        [TRAIN, Ratings(*(np.array([at], kind) for at, kind in ((90, "i4"), (50, "i4"), (5, "f4"))))]
    )
    model = AlsRecommender.fit(lonely, replace(START, mix=Mix(0.0, 1.0, 0.01)))
    asked = np.array([90], np.int32)
    best = model.recommend(asked, 5, seen=lonely).movie_id[0]
    counts = model.item_counts[np.searchsorted(model.movie_ids, best)]
    assert counts.tolist() == np.sort(model.item_counts)[::-1][:5].tolist()

"""The recommender through its public interface alone: what every caller may rely on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.interface import NoRatingsError, TopN
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED

CONFIG = ModelConfig(ExplicitAls(4, 8, 0.1, 1), ImplicitAls(4, 8, 0.1, 1, 0.75), 3.5)
STRANGER, UNKNOWN_MOVIE = 999_999, 888_888


def random_ratings(seed: int = 0, users: int = 30, movies: int = 25, density: float = 0.4) -> Ratings:
    """Ids with gaps, two tastes, half stars; every user and every movie at least once."""
    rng = np.random.default_rng(seed)
    taste = np.where((np.arange(users)[:, None] + np.arange(movies)[None, :]) % 2, 4.2, 2.2)
    stars = np.clip(np.round(2 * (taste + rng.normal(scale=0.5, size=taste.shape))) / 2, 0.5, 5.0)
    rated = rng.random(taste.shape) < density
    rated[np.arange(users), np.arange(users) % movies] = True
    rated[np.arange(movies) % users, np.arange(movies)] = True
    user, movie = np.nonzero(rated)
    return Ratings((3 * user + 2).astype(np.int32), (7 * movie + 1).astype(np.int32), stars[rated].astype(np.float32))


def of(*rows: tuple[int, int, float]) -> Ratings:
    users, movies, stars = zip(*rows, strict=True) if rows else ((), (), ())
    return Ratings(np.array(users, np.int32), np.array(movies, np.int32), np.array(stars, np.float32))


def ids(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


TRAIN = random_ratings()
MODEL = AlsRecommender.fit(TRAIN, CONFIG)
USERS, MOVIES = np.unique(TRAIN.user_id), np.unique(TRAIN.movie_id)


def pairs_of(lists: TopN) -> set[tuple[int, int]]:
    return {
        (int(user), int(movie))
        for user, row in zip(lists.user_id, lists.movie_id, strict=True)
        for movie in row
        if movie != MASKED
    }


def rated_pairs(ratings: Ratings) -> set[tuple[int, int]]:
    return set(zip(ratings.user_id.tolist(), ratings.movie_id.tolist(), strict=True))


def test_nothing_can_be_fitted_to_no_ratings() -> None:
    with pytest.raises(NoRatingsError, match="no training ratings"):
        AlsRecommender.fit(of(), CONFIG)


def test_the_model_can_recommend_every_movie_of_training_sorted() -> None:
    assert MODEL.movie_ids.tolist() == MOVIES.tolist()


def test_a_pair_is_known_when_both_sides_were_in_training() -> None:
    user, movie = USERS[0], MOVIES[0]
    known = MODEL.knows(ids(user, user, STRANGER, STRANGER), ids(movie, UNKNOWN_MOVIE, movie, UNKNOWN_MOVIE))
    assert known.tolist() == [True, False, False, False]


def test_the_order_of_the_training_ratings_does_not_matter() -> None:
    order = np.random.default_rng(1).permutation(len(TRAIN))
    shuffled = AlsRecommender.fit(Ratings(TRAIN.user_id[order], TRAIN.movie_id[order], TRAIN.rating[order]), CONFIG)
    np.testing.assert_allclose(
        shuffled.predict(TRAIN.user_id, TRAIN.movie_id), MODEL.predict(TRAIN.user_id, TRAIN.movie_id), atol=1e-4
    )


@settings(max_examples=25, deadline=None)
@given(
    users=st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=20),
    movie=st.integers(0, 2**31 - 1),
    known=st.booleans(),
)
def test_predicted_stars_are_within_the_scale_for_any_pair(users: list[int], movie: int, known: bool) -> None:
    movies = ids(*[MOVIES[movie % len(MOVIES)] if known else movie] * len(users))
    stars = MODEL.predict(ids(*users), movies)
    assert (stars.shape, stars.dtype) == ((len(users),), np.float32)
    assert ((stars >= 0.5) & (stars <= 5.0)).all()


def test_stars_of_training_pairs_are_closer_than_their_biases() -> None:
    error = np.abs(MODEL.predict(TRAIN.user_id, TRAIN.movie_id) - TRAIN.rating).mean()
    bias_only = np.abs(MODEL.bias_only.predict(TRAIN.user_id, TRAIN.movie_id) - TRAIN.rating).mean()
    assert error < 0.5 * bias_only


def test_a_cold_movie_gets_mean_and_user_bias() -> None:
    expected = np.clip(MODEL.biases.mean + MODEL.biases.user[0], 0.5, 5)
    np.testing.assert_allclose(MODEL.predict(USERS[:1], ids(UNKNOWN_MOVIE)), [expected], rtol=1e-6)


def test_a_cold_user_gets_mean_and_movie_bias() -> None:
    expected = np.clip(MODEL.biases.mean + MODEL.biases.item[3], 0.5, 5)
    np.testing.assert_allclose(MODEL.predict(ids(STRANGER), MOVIES[3:4]), [expected], rtol=1e-6)


def test_a_pair_cold_on_both_sides_gets_the_mean() -> None:
    stars = MODEL.predict(ids(STRANGER), ids(UNKNOWN_MOVIE))
    np.testing.assert_allclose(stars, [TRAIN.rating.mean()], rtol=1e-6)


def test_cold_pairs_get_the_bias_baseline() -> None:
    pairs = ids(STRANGER, USERS[0], STRANGER), ids(MOVIES[0], UNKNOWN_MOVIE, UNKNOWN_MOVIE)
    np.testing.assert_array_equal(MODEL.predict(*pairs), MODEL.bias_only.predict(*pairs))


def test_no_pairs_give_no_stars() -> None:
    assert MODEL.predict(ids(), ids()).shape == (0,)


def test_a_cold_user_gets_the_popular_movies() -> None:
    lists, popular = MODEL.recommend(ids(STRANGER), 5), MODEL.popularity.recommend(ids(STRANGER), 5)
    assert (lists.movie_id != MASKED).all()
    np.testing.assert_array_equal(lists.movie_id, popular.movie_id)
    np.testing.assert_array_equal(lists.score, popular.score)


def test_popular_movies_are_those_rated_most() -> None:
    train = of((1, 10, 5), (2, 10, 1), (3, 10, 3), (1, 20, 5), (2, 20, 5), (3, 30, 5))
    lists = AlsRecommender.fit(train, CONFIG).popularity.recommend(ids(7), 3)
    assert lists.movie_id.tolist() == [[10, 20, 30]]
    np.testing.assert_allclose(lists.score, [[3 / 6, 2 / 6, 1 / 6]], rtol=1e-6)


def test_popularity_is_the_same_whoever_is_folded_in() -> None:
    folded = MODEL.fold_in(of((STRANGER, int(MOVIES[0]), 5.0)))
    np.testing.assert_array_equal(
        folded.popularity.recommend(ids(1), 5).score, MODEL.popularity.recommend(ids(1), 5).score
    )


def test_a_user_who_liked_nothing_gets_the_popular_movies() -> None:
    train = Ratings(TRAIN.user_id, TRAIN.movie_id, np.where(TRAIN.user_id == USERS[4], 1.0, TRAIN.rating))
    model = AlsRecommender.fit(train, CONFIG)
    lists = model.recommend(USERS[4:5], 6, seen=train)
    np.testing.assert_array_equal(lists.movie_id, model.popularity.recommend(USERS[4:5], 6, seen=train).movie_id)


def test_a_training_without_any_like_still_serves_every_user() -> None:
    train = Ratings(TRAIN.user_id, TRAIN.movie_id, np.ones_like(TRAIN.rating))
    lists = AlsRecommender.fit(train, CONFIG).recommend(USERS, 3)
    assert (lists.movie_id != MASKED).all()


def test_a_user_is_recommended_the_taste_of_the_user() -> None:
    lists = MODEL.recommend(USERS, 5, seen=TRAIN)
    parity = (np.searchsorted(USERS, lists.user_id)[:, None] + np.searchsorted(MOVIES, lists.movie_id)) % 2
    assert parity[lists.movie_id != MASKED].mean() > 0.9


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    wanted=st.lists(st.integers(0, 100), max_size=12),
    n=st.integers(1, 12),
    users=st.integers(2, 8),
    movies=st.integers(2, 8),
)
def test_seen_movies_are_never_recommended_and_no_list_has_a_movie_twice(
    seed: int, wanted: list[int], n: int, users: int, movies: int
) -> None:
    train = random_ratings(seed, users, movies)
    model = AlsRecommender.fit(train, CONFIG)
    for lists in (model.recommend(ids(*wanted), n, train), model.popularity.recommend(ids(*wanted), n, train)):
        assert not pairs_of(lists) & rated_pairs(train)
        for user, row in zip(wanted, lists.movie_id, strict=True):
            kept = row[row != MASKED]
            left = movies - len({movie for who, movie in rated_pairs(train) if who == user})
            assert len(kept) == len(set(kept)) == min(n, left)


def test_movies_seen_by_a_stranger_are_left_out_too() -> None:
    best = int(MODEL.popularity.recommend(ids(STRANGER), 1).movie_id[0, 0])
    lists = MODEL.recommend(ids(STRANGER), 5, seen=of((STRANGER, best, 4.0)))
    assert best not in lists.movie_id


def test_lists_stand_in_the_order_of_the_question_duplicates_included() -> None:
    asked = ids(USERS[5], STRANGER, USERS[1], USERS[5], STRANGER, USERS[0])
    lists = MODEL.recommend(asked, 4, seen=TRAIN)
    assert lists.user_id.tolist() == asked.tolist()
    for row, user in enumerate(asked):
        alone = MODEL.recommend(ids(user), 4, seen=TRAIN)
        np.testing.assert_array_equal(lists.movie_id[row], alone.movie_id[0])
        np.testing.assert_allclose(lists.score[row], alone.score[0], rtol=1e-5)


def test_scores_fall_along_a_list() -> None:
    scores = MODEL.recommend(USERS, 8).score
    assert (np.diff(scores, axis=1) <= 0).all()


def test_n_larger_than_the_catalogue_ends_every_list_early() -> None:
    lists = MODEL.recommend(ids(USERS[0], STRANGER), len(MOVIES) + 5)
    assert lists.movie_id.shape == (2, len(MOVIES) + 5)
    assert (lists.movie_id[:, len(MOVIES) :] == MASKED).all()
    assert (lists.score[:, len(MOVIES) :] == 0).all()
    assert sorted(lists.movie_id[0, : len(MOVIES)]) == MOVIES.tolist()


def test_lists_of_nobody_are_empty() -> None:
    assert MODEL.recommend(ids(), 3, seen=TRAIN).movie_id.shape == (0, 3)


def test_ids_are_int32_and_scores_float32() -> None:
    for lists in (MODEL.recommend(ids(USERS[0], STRANGER), 3, TRAIN), MODEL.similar_items(MOVIES[:2], 3)):
        assert (lists.movie_id.dtype, lists.score.dtype) == (np.int32, np.float32)


def test_similar_movies_are_those_the_same_people_like() -> None:
    lists = MODEL.similar_items(MOVIES, 5)
    parity = (np.searchsorted(MOVIES, lists.user_id)[:, None] + np.searchsorted(MOVIES, lists.movie_id)) % 2
    assert parity.mean() < 0.1
    assert (lists.score <= 1.0001).all()
    assert (np.diff(lists.score, axis=1) <= 0).all()


def test_a_movie_is_not_similar_to_itself() -> None:
    lists = MODEL.similar_items(MOVIES[::-1], len(MOVIES) - 1)
    assert lists.user_id.tolist() == MOVIES[::-1].tolist()
    assert not (lists.movie_id == lists.user_id[:, None]).any()


def test_a_movie_nobody_liked_resembles_none() -> None:
    train = Ratings(TRAIN.user_id, TRAIN.movie_id, np.where(TRAIN.movie_id == MOVIES[2], 1.0, TRAIN.rating))
    lists = AlsRecommender.fit(train, CONFIG).similar_items(MOVIES[2:4], 3)
    assert (lists.movie_id[0] == MASKED).all()
    assert (lists.movie_id[1] != MASKED).all()


def test_a_movie_the_model_has_not_seen_is_named_in_the_error() -> None:
    with pytest.raises(KeyError, match=str(UNKNOWN_MOVIE)):
        MODEL.similar_items(ids(MOVIES[0], UNKNOWN_MOVIE), 3)


def test_folding_in_a_training_users_own_ratings_gives_nearly_the_users_own_model() -> None:
    settled = AlsRecommender.fit(
        TRAIN, replace(CONFIG, rating=replace(CONFIG.rating, max_iter=60), ranking=replace(CONFIG.ranking, max_iter=60))
    )
    folded = settled.fold_in(TRAIN)
    np.testing.assert_allclose(
        folded.predict(TRAIN.user_id, TRAIN.movie_id), settled.predict(TRAIN.user_id, TRAIN.movie_id), atol=0.05
    )
    own, again = settled.recommend(USERS, 5, seen=TRAIN), folded.recommend(USERS, 5, seen=TRAIN)
    assert len(pairs_of(own) & pairs_of(again)) > 0.9 * len(pairs_of(own))


def test_a_folded_in_stranger_is_served_by_taste() -> None:
    of_user_zero = TRAIN.where(TRAIN.user_id == USERS[0])
    stranger = Ratings(np.full(len(of_user_zero), STRANGER, np.int32), of_user_zero.movie_id, of_user_zero.rating)
    folded = MODEL.fold_in(stranger)
    own = MODEL.recommend(USERS[:1], 5, seen=TRAIN).movie_id[0]
    found = folded.recommend(ids(STRANGER), 5, seen=stranger).movie_id[0]
    assert len(set(own) & set(found)) >= 4
    assert folded.knows(ids(STRANGER), MOVIES[:1]).all()


def test_folding_in_leaves_the_model_itself_as_it_was() -> None:
    before = MODEL.predict(TRAIN.user_id, TRAIN.movie_id)
    MODEL.fold_in(of((STRANGER, int(MOVIES[0]), 0.5)))
    np.testing.assert_array_equal(MODEL.predict(TRAIN.user_id, TRAIN.movie_id), before)


def test_someone_who_rated_only_unknown_movies_is_served_the_popular_ones() -> None:
    folded = MODEL.fold_in(of((STRANGER, UNKNOWN_MOVIE, 5.0)))
    lists = folded.recommend(ids(STRANGER), 5)
    np.testing.assert_array_equal(lists.movie_id, MODEL.popularity.recommend(ids(STRANGER), 5).movie_id)
    assert np.isfinite(folded.predict(ids(STRANGER), MOVIES[:1])).all()


def test_folding_in_nobody_leaves_a_model_to_which_all_are_strangers() -> None:
    folded = MODEL.fold_in(of())
    assert (folded.recommend(USERS[:2], 3).movie_id != MASKED).all()
    np.testing.assert_allclose(
        folded.predict(USERS[:2], MOVIES[:2]), MODEL.predict(ids(STRANGER, STRANGER), MOVIES[:2]), rtol=1e-6
    )


def test_a_loaded_model_answers_exactly_as_the_saved_one(tmp_path: Path) -> None:
    MODEL.save(tmp_path)
    loaded = AlsRecommender.load(tmp_path, CONFIG, MODEL.biases.mean)
    asked, pairs = ids(*USERS, STRANGER), (ids(*USERS[:20], STRANGER), ids(*MOVIES[:20], UNKNOWN_MOVIE))
    np.testing.assert_array_equal(loaded.knows(*pairs), MODEL.knows(*pairs))
    np.testing.assert_array_equal(loaded.predict(*pairs), MODEL.predict(*pairs))
    np.testing.assert_array_equal(loaded.bias_only.predict(*pairs), MODEL.bias_only.predict(*pairs))
    for now, then in [
        (loaded.recommend(asked, 5, TRAIN), MODEL.recommend(asked, 5, TRAIN)),
        (loaded.popularity.recommend(asked, 5), MODEL.popularity.recommend(asked, 5)),
        (loaded.similar_items(MOVIES, 5), MODEL.similar_items(MOVIES, 5)),
        (loaded.fold_in(TRAIN).recommend(asked, 5), MODEL.fold_in(TRAIN).recommend(asked, 5)),
    ]:
        np.testing.assert_array_equal(now.movie_id, then.movie_id)
        np.testing.assert_array_equal(now.score, then.score)


def test_the_parts_of_an_explanation_add_up_to_the_score_in_the_list_of_the_folded_in_user() -> None:
    lists = MODEL.fold_in(TRAIN).recommend(USERS[:4], 3, seen=TRAIN)
    for user, movies, scores in zip(USERS[:4], lists.movie_id, lists.score, strict=True):
        for movie, score in zip(movies, scores, strict=True):
            assert MODEL.explain(int(user), int(movie), TRAIN).score == pytest.approx(float(score), rel=1e-4)


def test_what_speaks_for_a_movie_are_the_movies_the_user_liked_greatest_part_first() -> None:
    user = int(USERS[0])
    liked = TRAIN.where((TRAIN.user_id == user) & (TRAIN.rating >= CONFIG.like_threshold)).movie_id
    best = int(MODEL.recommend(ids(user), 1, seen=TRAIN).movie_id[0, 0])
    parts = MODEL.explain(user, best, TRAIN).parts
    assert {part.movie_id for part in parts} == set(liked.tolist())
    assert [part.value for part in parts] == sorted((part.value for part in parts), reverse=True)


def test_movies_of_the_users_own_taste_speak_for_a_movie_and_others_do_not() -> None:
    """User 0 likes even movies; what is added to the likes by one odd movie speaks least."""
    user, even, odd = int(USERS[0]), MOVIES[::2][:4], MOVIES[1]
    seen = of(*[(user, int(movie), 5.0) for movie in (*even, odd)])
    parts = MODEL.explain(user, int(MOVIES[::2][5]), seen).parts
    assert parts[-1].movie_id == odd
    assert parts[-1].value < 0.5 * parts[-2].value


def test_for_a_user_without_a_like_popularity_speaks() -> None:
    found = MODEL.explain(STRANGER, int(MOVIES[0]), of((STRANGER, int(MOVIES[1]), 1.0)))
    assert [part.name for part in found.parts] == ["share of all ratings"]


def test_re_rating_a_movie_weighs_as_one_opinion() -> None:
    twice = Ratings(*(np.concatenate([side, side]) for side in (TRAIN.user_id, TRAIN.movie_id, TRAIN.rating)))
    again = AlsRecommender.fit(twice, CONFIG)
    np.testing.assert_allclose(
        again.predict(TRAIN.user_id, TRAIN.movie_id), MODEL.predict(TRAIN.user_id, TRAIN.movie_id), rtol=1e-5
    )

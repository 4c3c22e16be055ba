"""How well movies without ratings are ranked for each user, on tiny lists that can be counted."""

import numpy as np
import pytest
import scipy.sparse as sp

from reco_assets.models.judging.cold import Found, find, mean_of_users, random_ndcg


def matrix(*rows: list[int]) -> sp.csr_matrix:
    return sp.csr_matrix(np.array(rows, np.float32))


def test_a_liked_movie_counts_by_the_share_of_others_below_it_and_by_its_place() -> None:
    scores = np.array([[0.9, 0.5, 0.1, 0.7]])
    found = find(lambda user: scores[user], matrix([0, 1, 0, 0]), matrix([0, 1, 0, 1]), k=10)
    assert found.auc.tolist() == [0.5]  # the last was rated and not liked, so it is left out
    assert found.ndcg == pytest.approx([1 / np.log2(3)])


def test_movies_of_one_score_stand_in_any_order() -> None:
    liked = matrix([1, 0, 0])
    found = find(lambda _: np.zeros(3), liked, liked, k=2)
    assert found.auc.tolist() == [0.5]
    assert found.ndcg == pytest.approx([(1 + 1 / np.log2(3)) / 3])
    assert random_ndcg(found, liked, 2) == pytest.approx(found.ndcg[0])


def test_an_order_that_puts_all_liked_movies_first_is_perfect() -> None:
    liked = matrix([1, 1, 0, 0], [0, 1, 0, 0])
    found = find(lambda user: liked[user].toarray()[0], liked, liked, k=10)
    assert mean_of_users(found, found.auc).value == 1
    assert mean_of_users(found, found.ndcg, summed=True).value == pytest.approx(1)


def test_who_likes_nothing_or_everything_is_not_asked() -> None:
    found = find(lambda _: np.zeros(2), matrix([0, 0], [1, 1]), matrix([1, 0], [1, 1]), k=10)
    assert len(found.user) == 0
    assert np.isnan(mean_of_users(found, found.auc).value)


def test_each_user_counts_once_however_many_movies_the_user_likes() -> None:
    user, movie, values = np.array([0, 0, 0, 1]), np.array([0, 1, 2, 0]), np.array([0.0, 0.0, 0.0, 1.0])
    assert mean_of_users(Found(user, movie, values, values), values).value == pytest.approx(0.5)


def test_one_movie_that_all_users_like_is_one_piece_of_evidence() -> None:
    """Of 200 users who like the same two movies the interval is no shorter than two movies tell."""
    user, movie = np.repeat(np.arange(200), 2), np.tile([0, 1], 200)
    values = np.where(movie == 0, 0.9, 0.6)
    found = mean_of_users(Found(user, movie, values, values), values)
    assert found.value == pytest.approx(0.75)
    assert found.low < 0.5


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(1), 0
    for _ in range(300):
        users, movies = rng.normal(0, 0.1, 40), rng.normal(0, 0.1, 40)
        user, movie = np.nonzero(rng.random((40, 40)) < 0.2)
        values = 0.6 + users[user] + movies[movie] + rng.normal(0, 0.1, len(user))
        found = mean_of_users(Found(user, movie, values, values), values)
        held += found.low < 0.6 < found.high
    assert held / 300 > 0.9

"""Movies with features, and ratings as positions."""

import numpy as np
import pytest

from reco_assets.models.ncf.lessons import Catalogue, Lessons
from reco_assets.models.ratings import Ratings

DESCRIBED = Catalogue(np.array([10, 30]), np.array([[1.0, 7.0], [3.0, 7.0]], np.float32))
RATINGS = Ratings(np.array([5, 9], np.int32), np.array([30, 10], np.int32), np.ones(2, np.float32))


def test_a_movie_that_nothing_describes_has_the_mean_of_each_feature() -> None:
    both = DESCRIBED.and_those_of(np.array([10, 20]))
    assert both.movie_ids.tolist() == [10, 20, 30]
    assert both.features.tolist() == [[1, 7], [2, 7], [3, 7]]


def test_without_features_there_are_columns_for_nothing() -> None:
    assert Catalogue.without_features(np.array([10, 20])).features.shape == (2, 0)


def test_features_have_mean_0_and_deviation_1_and_those_that_say_nothing_are_0() -> None:
    lessons = Lessons.of(RATINGS, np.array([5, 9]), DESCRIBED)
    assert lessons.features.tolist() == [[-1, 0], [1, 0]]


def test_ratings_become_positions_among_sorted_ids() -> None:
    lessons = Lessons.of(RATINGS, np.array([5, 9]), DESCRIBED)
    assert (lessons.user.tolist(), lessons.movie.tolist()) == ([0, 1], [1, 0])


def test_a_rating_of_a_movie_that_is_not_listed_is_an_error() -> None:
    with pytest.raises(KeyError, match="movie 20"):
        Lessons.of(Ratings(np.array([5]), np.array([20]), np.ones(1)), np.array([5]), DESCRIBED)


def test_a_digest_tells_apart_what_differs_in_one_rating() -> None:
    one, other = (
        Lessons.of(rows, np.array([5, 9]), DESCRIBED) for rows in (RATINGS, RATINGS.where(np.array([1, 0], bool)))
    )
    assert one.digest() == Lessons.of(RATINGS, np.array([5, 9]), DESCRIBED).digest()
    assert one.digest() != other.digest()

"""Who is held out to validate on, and among whom."""

import numpy as np
import pytest

from reco_assets.models.interface import NoRatingsError
from reco_assets.models.judging.sampled import Interactions, SampledProtocol, leave_latest_out, sample_lists
from reco_assets.models.ncf.course import DRAWS, Plan, plan
from reco_assets.models.ratings import Ratings
from reco_assets.models.training_data import TrainingData


def test_the_validation_slice_is_the_next_latest_liked_movie_of_each_user(planned: Plan, data: TrainingData) -> None:
    assert data.moment is not None
    split = leave_latest_out(Interactions(data.ratings, data.moment))
    assert len(planned.course.search) == len(split.known)
    assert len(planned.course.final) == len(data.ratings)
    for lists in planned.course.validation:
        held = planned.movie_ids[lists.movie_id[:, 0]], planned.user_ids[lists.user_id]
        np.testing.assert_array_equal(held, (split.held_out.movie_id, split.held_out.user_id))


def test_it_is_ranked_among_other_movies_than_those_that_a_judge_with_the_same_seed_draws() -> None:
    users, movies = 20, 2_000
    user = np.append(np.repeat(np.arange(users), 3), np.full(movies, 99)).astype(np.int32)
    movie = np.append(np.arange(3 * users), np.arange(movies)).astype(np.int32)
    ratings = Ratings(user, movie, np.full(len(user), 5.0, np.float32))
    planned = plan(TrainingData(ratings, {}, ""), None, seed=42)
    split = leave_latest_out(Interactions(ratings, np.zeros(len(ratings), np.int64)))
    judged = sample_lists(split.known.ratings, split.held_out, SampledProtocol(42)).movie_id[:users, 1:]
    assert len(planned.course.validation) == DRAWS
    for lists in planned.course.validation:
        drawn = planned.movie_ids[lists.movie_id[:users, 1:]]
        shared = [len(np.intersect1d(*pair)) / 99 for pair in zip(drawn, judged, strict=True)]
        assert np.mean(shared) < 0.1  # by chance 99 of 2,000


def test_no_ratings_are_an_error() -> None:
    none = np.zeros(0, np.int32)
    with pytest.raises(NoRatingsError):
        plan(TrainingData(Ratings(none, none, none.astype(np.float32)), {}, ""), None, seed=1)

"""What an epoch is made of."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reco_assets.models.ncf.batches import Draws
from reco_assets.models.ncf.lessons import Lessons

LESSONS = Lessons(
    np.repeat(np.arange(5), 4).astype(np.int32),
    np.tile(np.arange(4), 5).astype(np.int32) + np.repeat(np.arange(5), 4).astype(np.int32),
    5,
    np.zeros((12, 0), np.float32),
)
PAIRS = set(zip(LESSONS.user.tolist(), LESSONS.movie.tolist(), strict=True))


@given(size=st.integers(1, 30), seed=st.integers(0, 50))
def test_each_rating_counts_once_in_an_epoch_whatever_the_size_of_a_batch(size: int, seed: int) -> None:
    draws = Draws(LESSONS, size, 2, seed)
    batches = list(draws.epoch(0))
    assert len(batches) == draws.batches
    counted = [
        pair
        for batch in batches
        for pair, weight in zip(zip(batch.user, batch.movie[:, 0], strict=True), batch.weight[:, 0], strict=True)
        if weight
    ]
    assert sorted(counted) == sorted(PAIRS)


@given(seed=st.integers(0, 50))
def test_a_drawn_movie_counts_unless_its_user_rated_it(seed: int) -> None:
    for batch in Draws(LESSONS, 20, 5, seed).epoch(0):
        for user, drawn, weights in zip(batch.user, batch.movie[:, 1:], batch.weight[:, 1:], strict=True):
            assert [(user, movie) not in PAIRS for movie in drawn] == weights.astype(bool).tolist()


def test_all_batches_have_one_shape_so_that_one_step_is_compiled() -> None:
    assert {batch.movie.shape for batch in Draws(LESSONS, 8, 3, 0).epoch(0)} == {(8, 4)}


def test_an_epoch_follows_from_its_number_and_not_from_those_before() -> None:
    draws = Draws(LESSONS, 8, 3, 0)
    list(draws.epoch(0))
    after = [batch.movie.tolist() for batch in draws.epoch(1)]
    assert after == [batch.movie.tolist() for batch in Draws(LESSONS, 8, 3, 0).epoch(1)]


def test_negatives_are_drawn_anew_in_each_epoch() -> None:
    draws = Draws(LESSONS, 20, 3, 0)
    first, second = (next(draws.epoch(number)).movie[:, 1:].tolist() for number in (0, 1))
    assert first != second

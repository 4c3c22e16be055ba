"""Signals that inform: who is new, how the mix of the known changed, how wrong the champion has become."""

import numpy as np
import pytest

from reco_assets.drift.bootstrap import Resampling
from reco_assets.drift.measures import Errors, Occurrences, error_shift, mix

RESAMPLING = Resampling(499, 42, 0.01)


def test_new_ids_are_counted_by_themselves_and_by_their_rows() -> None:
    found = mix(Occurrences.of(np.array([1, 1, 2])), Occurrences.of(np.array([2, 3, 3, 3])))
    assert found is not None
    assert found.new_share == 0.5
    assert found.new_row_share == 0.75


def test_the_same_mix_does_not_diverge_whatever_its_size() -> None:
    ids = np.repeat(np.arange(100), 5)
    found = mix(Occurrences.of(ids), Occurrences.of(np.tile(ids, 3)))
    assert found is not None
    assert found.new_share == 0
    assert found.divergence == 0


def test_a_turn_to_unpopular_movies_diverges() -> None:
    popular_first = np.repeat(np.arange(100), np.arange(100, 0, -1))
    unpopular = np.arange(90, 100).repeat(20)
    found = mix(Occurrences.of(popular_first), Occurrences.of(unpopular))
    assert found is not None
    assert found.divergence is not None
    assert found.divergence > 0.7


def test_where_all_are_new_there_is_no_mix_to_compare() -> None:
    found = mix(Occurrences.of(np.array([1, 2])), Occurrences.of(np.array([3])))
    assert found is not None
    assert (found.new_share, found.divergence) == (1, None)


def test_without_new_ratings_there_is_nothing_to_say() -> None:
    assert mix(Occurrences.of(np.array([1, 2])), Occurrences.of(np.array([], int))) is None


def errors(users: int, rows_each: int, stars: float, seed: int) -> Errors:
    rows = users * rows_each
    squared = np.random.default_rng(seed).normal(0, stars, rows) ** 2
    return Errors.of(np.repeat(np.arange(users), rows_each), np.ones(rows), squared)


def test_a_champion_that_got_worse_is_surely_worse() -> None:
    found = error_shift(errors(200, 20, 0.9, 0), errors(60, 10, 1.2, 1), RESAMPLING)
    assert found is not None
    assert found.shift == pytest.approx(0.3, abs=0.07)
    assert found.interval[0] > 0.15


def test_a_champion_that_is_as_it_was_may_be_as_it_was() -> None:
    found = error_shift(errors(200, 20, 0.9, 0), errors(60, 10, 0.9, 1), RESAMPLING)
    assert found is not None
    assert found.interval[0] < 0 < found.interval[1]


def test_the_errors_of_a_single_user_have_no_interval() -> None:
    assert error_shift(errors(200, 20, 0.9, 0), errors(1, 300, 0.9, 1), RESAMPLING) is None

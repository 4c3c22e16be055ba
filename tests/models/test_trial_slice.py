"""A slice of training ratings is cut as the test side was cut from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco_assets.models.ratings import Ratings
from reco_assets.models.trial_slice import Cut, Dated, Goal, Strategy, Times, cut_by_times, cut_of, held_out_slice

GOAL = Goal(5, 4.0, 42, "embedded")


def dated(*rows: tuple[int, int, int]) -> Dated:
    """Ratings of (user, movie, moment)."""
    users, movies, moments = (np.array(column) for column in zip(*rows, strict=True))
    ratings = Ratings(users.astype(np.int32), movies.astype(np.int32), np.full(len(rows), 4, np.float32))
    return Dated(ratings, moments.astype(np.int64))


def held_by(train: Dated, strategy: Strategy, share: float = 0.2, seed: int = 42) -> set[tuple[int, int]]:
    held = held_out_slice(train, Goal(5, 4.0, seed, "embedded", Cut(strategy, share))).held_out
    return set(zip(held.user_id.tolist(), held.movie_id.tolist(), strict=True))


def test_per_user_holds_out_the_newest_of_each_user() -> None:
    train = dated(*((user, movie, movie * (1 if user == 1 else -1)) for user in (1, 2) for movie in range(10)))
    assert held_by(train, "per_user") == {(1, 8), (1, 9), (2, 0), (2, 1)}


def test_global_holds_out_the_newest_of_all() -> None:
    train = dated(*((user, movie, 100 * user + movie) for user in (1, 2) for movie in range(5)))
    assert held_by(train, "global") == {(2, 3), (2, 4)}


def test_a_pair_rated_again_stands_where_it_was_rated_last_and_all_of_it_is_on_one_side() -> None:
    train = dated((1, 0, 0), *((1, movie, movie) for movie in range(1, 5)), (1, 0, 9))
    assert held_by(train, "per_user") == {(1, 0)}


def test_ties_are_broken_by_a_hash_of_the_pair_and_not_by_the_movie() -> None:
    train = dated(*((user, movie, 7) for user in range(200) for movie in range(5)))
    held = held_by(train, "per_user")
    assert len(held) == 200
    assert all(20 < sum(movie == at for _, movie in held) < 60 for at in range(5))


def test_without_moments_pairs_are_drawn() -> None:
    train = dated(*((user, movie, 0) for user in range(50) for movie in range(20)))
    assert held_by(Dated(train.ratings), "per_user") == held_by(train, "random")


@given(
    rows=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=60),
    strategy=st.sampled_from(["per_user", "global", "random"]),
    share=st.floats(0.05, 0.9),
)
def test_every_rating_is_on_one_side_and_a_pair_is_on_the_same(
    rows: list[tuple[int, int, int]], strategy: Strategy, share: float
) -> None:
    train = dated(*rows)
    cut = held_out_slice(train, Goal(5, 4.0, 42, "embedded", Cut(strategy, share)))
    held, fitted = (set(zip(part.user_id, part.movie_id, strict=True)) for part in (cut.held_out, cut.fitted))
    assert not held & fitted
    assert len(cut.held_out) + len(cut.fitted) == len(rows)


@pytest.mark.parametrize(
    ("policy", "cut"),
    [
        ("per_user:test=0.3:future=0.05", Cut("per_user", 0.3)),
        ("global:test=0.1:future=0", Cut("global", 0.1)),
        ("random:test=0.2:future=0:seed=42", Cut("random", 0.2)),
        ("random", Cut("random", 0.2)),
        ("as_given", Cut("random", 0.2)),
    ],
)
def test_the_policy_of_a_split_says_how_its_slice_is_cut(policy: str, cut: Cut) -> None:
    assert cut_of(policy) == cut


def times(*pairs: tuple[int, int]) -> Times:
    users, moments = zip(*pairs, strict=True)
    return Times(np.array(users, np.int32), np.array(moments, np.int64))


@pytest.mark.parametrize(
    ("test", "strategy"),
    [
        ([(1, 20), (2, 30)], "global"),
        ([(1, 6), (2, 16)], "per_user"),
        ([(1, 2), (2, 11)], "random"),
    ],
)
def test_a_split_that_came_with_the_files_is_told_by_its_times(test: list[tuple[int, int]], strategy: str) -> None:
    train = times((1, 1), (1, 3), (1, 5), (2, 10), (2, 12), (2, 15))
    assert cut_by_times(train, times(*test)) == Cut(strategy, 0.25)  # type: ignore[arg-type]


def test_times_that_are_all_the_same_tell_nothing() -> None:
    assert cut_by_times(times((1, 5), (2, 5)), times((1, 5), (2, 5))).strategy == "random"

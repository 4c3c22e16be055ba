"""Which side each rating is on."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reco_assets.split.plan import (
    as_split_ratings,
    keep_sides,
    keep_stream_sides,
    split_as_delivered,
    split_by_plan,
)
from reco_assets.tables import SPLIT_RATINGS
from reco_assets.vocabulary import FUTURE, TEST, TRAIN
from resources.settings.split import SplitSettings

pytestmark = pytest.mark.both_engines

Rating = tuple[int, int, int]  # user, movie, second
SCHEMA = "user_id int, movie_id int, rating float, rating_ts timestamp"


def per_user(test_fraction: float) -> SplitSettings:
    return SplitSettings(strategy="per_user", test_fraction=test_fraction, future_fraction=0.0)


@pytest.fixture(scope="session")
def ratings(spark: Any) -> Callable[[Sequence[Rating]], Any]:
    """Make silver ratings from (user, movie, second)."""

    def make(rows: Sequence[Rating]) -> Any:
        if not rows:
            return spark.createDataFrame([], SCHEMA)
        users, movies, seconds = zip(*rows, strict=True)
        times = pa.array([datetime.fromtimestamp(second, UTC) for second in seconds], pa.timestamp("us", tz="UTC"))
        stars = pa.array([4.0] * len(rows), pa.float32())
        columns = {"user_id": pa.array(users, pa.int32()), "movie_id": pa.array(movies, pa.int32())}
        return spark.createDataFrame(pa.table(columns | {"rating": stars, "rating_ts": times}))

    return make


@pytest.fixture(scope="session")
def sides_of() -> Callable[[Any], dict[Rating, str]]:
    """{(user, movie, second): side}; a rating with two sides fails."""

    def sides(frame: Any) -> dict[Rating, str]:
        found = [
            ((r["user_id"], r["movie_id"], int(r["rating_ts"].timestamp())), r["side"])
            for r in frame.toArrow().to_pylist()
        ]
        assert len(dict(found)) == len(found)
        return dict(found)

    return sides


@pytest.fixture(scope="session")
def split(ratings: Callable, sides_of: Callable) -> Callable[..., dict[Rating, str]]:
    def run(
        rows: Sequence[Rating], strategy: Any = "per_user", test: float = 0.2, future: float = 0.0, seed: int = 42
    ) -> dict[Rating, str]:
        return sides_of(
            split_by_plan(
                ratings(rows), SplitSettings(strategy=strategy, test_fraction=test, future_fraction=future, seed=seed)
            )
        )

    return run


def on(side: str, sides: dict[Rating, str]) -> set[Rating]:
    return {rating for rating, found in sides.items() if found == side}


def test_per_user_tests_on_the_newest_fifth_of_each_users_pairs_rounded_down(split: Callable) -> None:
    rows = [(user, movie, 100 * movie) for user, pairs in ((1, 4), (2, 5), (3, 9), (4, 10)) for movie in range(pairs)]
    assert on(TEST, split(rows)) == {(2, 4, 400), (3, 8, 800), (4, 8, 800), (4, 9, 900)}


def test_per_user_breaks_ties_in_time_by_the_higher_movie_id(split: Callable) -> None:
    rows = [(1, movie, 7) for movie in (3, 1, 5, 2, 4)]
    assert on(TEST, split(rows)) == on(TEST, split(rows[::-1])) == {(1, 5, 7)}


def test_global_tests_only_on_pairs_later_than_every_train_pair(split: Callable) -> None:
    sides = split([(n % 3, n, 86_400 * (n // 4) + n) for n in range(20)], "global")
    assert len(on(TEST, sides)) == 4
    assert min(second for *_, second in on(TEST, sides)) > max(second for *_, second in on(TRAIN, sides))


def test_global_keeps_pairs_at_the_second_of_the_cut_in_train(split: Callable) -> None:
    rows = [*((1, movie, 10) for movie in range(7)), *((1, movie, 20) for movie in range(7, 10))]
    assert on(TEST, split(rows, "global")) == set()
    assert on(TEST, split(rows, "global", test=0.3)) == set(rows[7:])


def test_the_future_is_the_newest_slice_and_the_rest_is_split_without_it(split: Callable) -> None:
    rows = [(1, movie, 1000 + movie) for movie in range(20)]
    sides = split(rows, future=0.25)
    assert on(FUTURE, sides) == set(rows[15:])
    assert on(TEST, sides) == set(rows[12:15])
    assert on(TRAIN, sides) == set(rows[:12])


def test_global_cuts_the_future_first(split: Callable) -> None:
    rows = [(movie, movie, 1000 + movie) for movie in range(20)]
    sides = split(rows, "global", future=0.25)
    assert (on(FUTURE, sides), on(TEST, sides)) == (set(rows[15:]), set(rows[12:15]))


def test_a_future_fraction_of_zero_gives_no_future(split: Callable) -> None:
    assert on(FUTURE, split([(1, movie, movie) for movie in range(10)], future=0.0)) == set()


@pytest.mark.parametrize("strategy", ["per_user", "global", "random"])
def test_a_test_fraction_of_zero_tests_nothing(strategy: str, split: Callable) -> None:
    assert set(split([(1, movie, movie) for movie in range(10)], strategy, test=0.0).values()) == {TRAIN}


def test_a_pair_rated_twice_is_on_the_side_of_its_last_rating(split: Callable) -> None:
    rows = [(1, 0, 1), (1, 0, 99), *((1, movie, 10 + movie) for movie in range(1, 5))]
    assert on(TEST, split(rows)) == {(1, 0, 1), (1, 0, 99)}


def test_random_puts_about_its_share_of_pairs_in_test(split: Callable) -> None:
    rows = [(user, movie, 1) for user in range(50) for movie in range(40)]
    share = len(on(TEST, split(rows, "random"))) / len(rows)
    assert share == pytest.approx(0.2, abs=0.03)


def test_random_does_not_depend_on_the_order_of_rows(split: Callable) -> None:
    rows = [(user, movie, 1) for user in range(10) for movie in range(10)]
    assert split(rows, "random") == split(rows[::-1], "random")


def test_random_splits_differ_by_seed(split: Callable) -> None:
    rows = [(user, movie, 1) for user in range(10) for movie in range(10)]
    assert split(rows, "random", seed=1) != split(rows, "random", seed=2)


@pytest.mark.parametrize("strategy", ["per_user", "global", "random"])
def test_no_ratings_give_no_ratings(strategy: str, split: Callable) -> None:
    assert split([], strategy, future=0.05) == {}


def test_pairs_keep_their_sides_when_newer_ratings_arrive(ratings: Callable, sides_of: Callable) -> None:
    plan = per_user(0.2)
    old = [(1, movie, movie) for movie in range(10)]
    before = as_split_ratings(split_by_plan(ratings(old), plan), "p")
    newer = [(1, movie, movie) for movie in range(10, 20)]
    after = sides_of(keep_sides(split_by_plan(ratings(old + newer), plan), before, "p"))
    assert {rating: after[rating] for rating in old} == sides_of(before)
    assert on(TEST, after) == {(1, 8, 8), (1, 9, 9), (1, 16, 16), (1, 17, 17), (1, 18, 18), (1, 19, 19)}


def test_a_new_rating_of_an_old_pair_joins_the_old_side(ratings: Callable, sides_of: Callable) -> None:
    plan = per_user(0.2)
    old = [(1, movie, movie) for movie in range(5)]
    before = as_split_ratings(split_by_plan(ratings(old), plan), "p")
    after = sides_of(keep_sides(split_by_plan(ratings([*old, (1, 0, 99)]), plan), before, "p"))
    assert after[(1, 0, 99)] == TRAIN


def test_sides_of_another_policy_are_not_kept(ratings: Callable, sides_of: Callable) -> None:
    old = [(1, movie, movie) for movie in range(5)]
    before = as_split_ratings(split_by_plan(ratings(old), per_user(0.2)), "p")
    fresh = split_by_plan(ratings(old), per_user(0.6))
    assert sides_of(keep_sides(fresh, before, "q")) == sides_of(fresh)


def test_a_streamed_pair_keeps_its_side_when_history_gets_it(spark: Any, ratings: Callable, sides_of: Callable) -> None:
    plan = per_user(0.2)
    fresh = split_by_plan(ratings([(1, movie, movie) for movie in range(5)]), plan)
    assert on(TEST, sides_of(fresh)) == {(1, 4, 4)}
    streamed = [(1, 4, TRAIN), (1, 0, TEST), (1, 0, TEST), (7, 7, TEST)]
    stream = spark.createDataFrame(streamed, "user_id int, movie_id int, split string")
    assert on(TEST, sides_of(keep_stream_sides(fresh, stream))) == {(1, 0, 0)}


def test_the_side_of_an_earlier_run_goes_before_that_of_the_stream(
    spark: Any, ratings: Callable, sides_of: Callable
) -> None:
    plan = per_user(0.2)
    fresh = split_by_plan(ratings([(1, movie, movie) for movie in range(5)]), plan)
    stream = spark.createDataFrame([(1, 4, TRAIN)], "user_id int, movie_id int, split string")
    kept = keep_sides(keep_stream_sides(fresh, stream), as_split_ratings(fresh, "p"), "p")
    assert sides_of(kept) == sides_of(fresh)


def test_split_ratings_have_the_declared_columns(ratings: Callable) -> None:
    frame = as_split_ratings(split_by_plan(ratings([(1, 1, 1)]), per_user(0.2)), "p")
    found = [(field.name, field.dataType.simpleString()) for field in frame.schema.fields]
    assert found == [(field.name, field.dataType.simpleString()) for field in SPLIT_RATINGS.schema.fields]
    [row] = frame.toArrow().to_pylist()
    assert (row["origin"], row["policy"]) == ("history", "p")


def test_delivered_ratings_are_on_the_side_of_their_file(spark: Any, ratings: Callable, sides_of: Callable) -> None:
    delivered = [("1", "1", "train.txt"), ("1", "2", "test.txt"), ("1", "3", "future.txt"), ("x", "3", "test.txt")]
    raw = spark.createDataFrame(delivered, "user_id string, movie_id string, source string")
    sides = sides_of(split_as_delivered(ratings([(1, 1, 1), (1, 2, 1), (1, 3, 1)]), raw))
    assert sides == {(1, 1, 1): TRAIN, (1, 2, 1): TEST, (1, 3, 1): FUTURE}


def test_a_pair_delivered_in_two_files_is_never_tested_on_what_was_trained_on(
    spark: Any, ratings: Callable, sides_of: Callable
) -> None:
    delivered = [("1", "1", "test.txt"), ("1", "1", "train.txt"), ("1", "2", "future.txt"), ("1", "2", "test.txt")]
    raw = spark.createDataFrame(delivered, "user_id string, movie_id string, source string")
    sides = sides_of(split_as_delivered(ratings([(1, 1, 1), (1, 1, 2), (1, 2, 1)]), raw))
    assert sides == {(1, 1, 1): TRAIN, (1, 1, 2): TRAIN, (1, 2, 1): TEST}


DAY = 86_400
RATING = st.tuples(st.integers(1, 4), st.integers(1, 6), st.sampled_from([0, 1, 2, DAY - 1, DAY, DAY + 1, 9 * DAY]))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(RATING, unique=True, max_size=40),
    strategy=st.sampled_from(["per_user", "global", "random"]),
    future=st.sampled_from([0.0, 0.05, 0.3]),
)
def test_every_rating_has_exactly_one_side_and_every_pair_too(
    rows: list[Rating], strategy: str, future: float, split: Callable
) -> None:
    sides = split(rows, strategy, future=future)
    assert sides.keys() == set(rows)
    assert set(sides.values()) <= {TRAIN, TEST, FUTURE}
    pairs = {(user, movie): side for (user, movie, _), side in sides.items()}
    assert all(pairs[user, movie] == side for (user, movie, _), side in sides.items())
    assert Counter(pairs.values())[FUTURE] <= future * len(pairs)

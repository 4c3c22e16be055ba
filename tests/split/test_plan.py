"""Which side each rating is on."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql.pandas.types import from_arrow_schema

from reco_assets.split import history
from reco_assets.split import plan as frames
from reco_assets.tables import SILVER_RATINGS, SPLIT_RATINGS
from reco_assets.vocabulary import FUTURE, TEST, TRAIN
from resources.engine import Engine
from resources.settings.split import SplitSettings
from resources.tables.lakehouse import Lakehouse
from tests.split.worlds import POLICY, Placed, Rating, World, by_frames, in_memory, ratings, sides_of

pytestmark = pytest.mark.both_engines

Split = Callable[..., dict[Rating, str]]


def per_user(test_fraction: float) -> SplitSettings:
    return SplitSettings(strategy="per_user", test_fraction=test_fraction, future_fraction=0.0)


@pytest.fixture(scope="session")
def split_world(engine: Engine, spark: Any) -> Callable[[World], pa.Table]:
    """Split as the engine does."""
    return in_memory if engine.name == "embedded" else partial(by_frames, spark)


@pytest.fixture(scope="session")
def split(split_world: Callable[[World], pa.Table]) -> Split:
    def run(
        rows: Sequence[Rating],
        strategy: Any = "per_user",
        test: float = 0.2,
        future: float = 0.0,
        seed: int = 42,
        **before: Sequence[Placed],
    ) -> dict[Rating, str]:
        plan = SplitSettings(strategy=strategy, test_fraction=test, future_fraction=future, seed=seed)
        return sides_of(split_world(World(rows, plan, **before)))

    return run


def on(side: str, sides: dict[Rating, str]) -> set[Rating]:
    return {rating for rating, found in sides.items() if found == side}


def test_per_user_tests_on_the_newest_fifth_of_each_users_pairs_rounded_down(split: Split) -> None:
    rows = [(user, movie, 100 * movie) for user, pairs in ((1, 4), (2, 5), (3, 9), (4, 10)) for movie in range(pairs)]
    assert on(TEST, split(rows)) == {(2, 4, 400), (3, 8, 800), (4, 8, 800), (4, 9, 900)}


@pytest.mark.parametrize("strategy", ["per_user", "global"])
def test_pairs_at_one_time_are_split_by_chance_and_not_by_their_ids(strategy: str, split: Split) -> None:
    rows = [(user, movie, 7) for user in range(20) for movie in range(50)]
    tested = on(TEST, split(rows, strategy))
    assert tested == on(TEST, split(rows[::-1], strategy))
    assert len(tested) == len(rows) / 5
    # The mean of 200 of them: 24.5 and 9.5, give or take 3 standard errors.
    assert np.mean([movie for _, movie, _ in tested]) == pytest.approx(24.5, abs=3.1)
    assert np.mean([user for user, *_ in tested]) == pytest.approx(9.5, abs=1.3)


def test_global_tests_only_on_pairs_later_than_every_train_pair(split: Split) -> None:
    sides = split([(n % 3, n, 86_400 * (n // 4) + n) for n in range(20)], "global")
    assert len(on(TEST, sides)) == 4
    assert min(second for *_, second in on(TEST, sides)) > max(second for *_, second in on(TRAIN, sides))


def test_global_takes_as_many_as_it_should_of_the_pairs_at_the_time_of_the_cut(split: Split) -> None:
    rows = [*((1, movie, 10) for movie in range(7)), *((1, movie, 20) for movie in range(7, 10))]
    tested = on(TEST, split(rows, "global"))
    assert (len(tested), tested < set(rows[7:])) == (2, True)
    assert on(TEST, split(rows, "global", test=0.3)) == set(rows[7:])


def test_global_cuts_within_a_second(split: Split) -> None:
    rows = [(1, movie, 10 + movie / 8) for movie in range(5)]
    assert on(TEST, split(rows, "global")) == {rows[4]}


def test_the_future_is_the_newest_slice_and_the_rest_is_split_without_it(split: Split) -> None:
    rows = [(1, movie, 1000 + movie) for movie in range(20)]
    sides = split(rows, future=0.25)
    assert on(FUTURE, sides) == set(rows[15:])
    assert on(TEST, sides) == set(rows[12:15])
    assert on(TRAIN, sides) == set(rows[:12])


def test_global_cuts_the_future_first(split: Split) -> None:
    rows = [(movie, movie, 1000 + movie) for movie in range(20)]
    sides = split(rows, "global", future=0.25)
    assert (on(FUTURE, sides), on(TEST, sides)) == (set(rows[15:]), set(rows[12:15]))


def test_a_future_fraction_of_zero_gives_no_future(split: Split) -> None:
    assert on(FUTURE, split([(1, movie, movie) for movie in range(10)], future=0.0)) == set()


@pytest.mark.parametrize("strategy", ["per_user", "global", "random"])
def test_a_test_fraction_of_zero_tests_nothing(strategy: str, split: Split) -> None:
    assert set(split([(1, movie, movie) for movie in range(10)], strategy, test=0.0).values()) == {TRAIN}


def test_a_pair_rated_twice_is_on_the_side_of_its_last_rating(split: Split) -> None:
    rows = [(1, 0, 1), (1, 0, 99), *((1, movie, 10 + movie) for movie in range(1, 5))]
    assert on(TEST, split(rows)) == {(1, 0, 1), (1, 0, 99)}


def test_random_puts_about_its_share_of_pairs_in_test(split: Split) -> None:
    rows = [(user, movie, 1) for user in range(50) for movie in range(40)]
    share = len(on(TEST, split(rows, "random"))) / len(rows)
    assert share == pytest.approx(0.2, abs=0.03)


def test_random_does_not_depend_on_the_order_of_rows(split: Split) -> None:
    rows = [(user, movie, 1) for user in range(10) for movie in range(10)]
    assert split(rows, "random") == split(rows[::-1], "random")


def test_random_splits_differ_by_seed(split: Split) -> None:
    rows = [(user, movie, 1) for user in range(10) for movie in range(10)]
    assert split(rows, "random", seed=1) != split(rows, "random", seed=2)


@pytest.mark.parametrize("strategy", ["per_user", "global", "random"])
def test_no_ratings_give_no_ratings(strategy: str, split: Split) -> None:
    assert split([], strategy, future=0.05) == {}


def pairs_in(sides: dict[Rating, str]) -> list[Placed]:
    return [(user, movie, side) for (user, movie, _), side in sides.items()]


def test_pairs_keep_their_sides_when_newer_ratings_arrive(split: Split) -> None:
    old = [(1, movie, movie) for movie in range(10)]
    before = split(old)
    after = split(old + [(1, movie, movie) for movie in range(10, 20)], earlier=pairs_in(before))
    assert {rating: after[rating] for rating in old} == before
    assert on(TEST, after) == {(1, 8, 8), (1, 9, 9), (1, 16, 16), (1, 17, 17), (1, 18, 18), (1, 19, 19)}


def test_a_new_rating_of_an_old_pair_joins_the_old_side(split: Split) -> None:
    old = [(1, movie, movie) for movie in range(5)]
    assert split([*old, (1, 0, 99)], earlier=pairs_in(split(old)))[(1, 0, 99)] == TRAIN


def test_a_streamed_pair_keeps_its_side_when_history_gets_it(split: Split) -> None:
    rows = [(1, movie, movie) for movie in range(5)]
    assert on(TEST, split(rows)) == {(1, 4, 4)}
    streamed = [(1, 4, TRAIN), (1, 0, TEST), (1, 0, TEST), (7, 7, TEST)]
    assert on(TEST, split(rows, streamed=streamed)) == {(1, 0, 0)}


def test_the_side_of_an_earlier_run_goes_before_that_of_the_stream(split: Split) -> None:
    rows = [(1, movie, movie) for movie in range(5)]
    fresh = split(rows)
    assert split(rows, streamed=[(1, 4, TRAIN)], earlier=pairs_in(fresh)) == fresh


def test_sides_of_another_policy_are_not_kept(
    make_lakehouse: Callable[..., Lakehouse], split_world: Callable[[World], pa.Table]
) -> None:
    lakehouse = make_lakehouse(spark_in_memory_rows=0)
    rows = [(1, movie, movie) for movie in range(5)]
    earlier = split_world(World(rows, per_user(0.6)))
    lakehouse.write(SPLIT_RATINGS, earlier)
    calendar = {"year": pa.repeat(pa.scalar(1970, pa.int32()), 5), "month": pa.repeat(pa.scalar(1, pa.int32()), 5)}
    table = ratings(rows)
    lakehouse.write(SILVER_RATINGS, pa.table({**dict(zip(table.column_names, table.columns, strict=True)), **calendar}))
    for policy, tested in ((POLICY, 3), ("another", 1)):
        made = history.split_history(lakehouse, policy)
        found = made if isinstance(made, pa.Table) else made.toArrow()
        assert len(on(TEST, sides_of(found))) == tested


def test_split_ratings_have_the_declared_columns(split_world: Callable[[World], pa.Table]) -> None:
    made = split_world(World([(1, 1, 1)], per_user(0.2)))
    found = [(field.name, field.dataType.simpleString()) for field in from_arrow_schema(made.schema)]
    assert found == [(field.name, field.dataType.simpleString()) for field in SPLIT_RATINGS.schema.fields]
    [row] = made.to_pylist()
    assert (row["origin"], row["policy"]) == ("history", POLICY)


def delivered(spark: Any, *rows: tuple[int | None, int | None, str]) -> dict[tuple[int, int], str]:
    """The side of each pair of (user, movie, file)."""
    raw = spark.createDataFrame(list(rows), "user_id int, movie_id int, _source_file string")
    return {(row["user_id"], row["movie_id"]): row["side"] for row in frames.delivered_sides(raw).toArrow().to_pylist()}


def test_delivered_pairs_are_on_the_side_of_their_file(spark: Any) -> None:
    files = [(1, 1, "train.txt"), (1, 2, "test.txt"), (1, 3, "future.txt"), (None, 3, "test.txt")]
    assert delivered(spark, *files) == {(1, 1): TRAIN, (1, 2): TEST, (1, 3): FUTURE}


def test_a_pair_delivered_in_two_files_is_never_tested_on_what_was_trained_on(spark: Any) -> None:
    files = [(1, 1, "test.txt"), (1, 1, "train.txt"), (1, 2, "future.txt"), (1, 2, "test.txt")]
    assert delivered(spark, *files) == {(1, 1): TRAIN, (1, 2): TEST}


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

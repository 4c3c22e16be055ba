"""Which side of the split a streamed pair is on, and that it stays there."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from reco_assets.batches.sides import SALT, hashed_split, split_pairs
from reco_assets.statistics import xxhash64
from reco_assets.tables import STREAM_RATINGS
from resources.tables.appends import append_batches
from resources.tables.lakehouse import Lakehouse

INT32 = st.integers(-(2**31), 2**31 - 1)
Pair = tuple[int, int]


def ids(values: Sequence[int]) -> np.ndarray:
    return np.array(values, np.int32)


def sides(lakehouse: Lakehouse, pairs: Sequence[Pair], ratio: float = 0.8) -> list[str]:
    users, movies = zip(*pairs, strict=True)
    found: list[str] = split_pairs(lakehouse, ids(users), ids(movies), ratio).to_pylist()
    return found


def hashed(pair: Pair, ratio: float = 0.8) -> str:
    return str(hashed_split(ids(pair[:1]), ids(pair[1:]), ratio)[0])


def other(side: str) -> str:
    return "test" if side == "train" else "train"


@pytest.fixture
def lakehouse(make_lakehouse: Callable[..., Lakehouse]) -> Lakehouse:
    """On Spark, one whose tables are all worked on as DataFrames."""
    return make_lakehouse(spark_in_memory_rows=0)


@pytest.fixture
def earlier(lakehouse: Lakehouse) -> Callable[[dict[Pair, str]], None]:
    """Stage pairs on the sides that they are given."""

    def stage(found: dict[Pair, str]) -> None:
        users, movies = zip(*found, strict=True)
        n = len(found)
        columns = {
            "batch": ["b"] * n,
            "line": pa.array(range(2, n + 2), pa.int64()),
            "user_id": ids(users),
            "movie_id": ids(movies),
            "rating": pa.array([4.0] * n, pa.float32()),
            "rating_ts": pa.array([datetime(2020, 1, 1, tzinfo=UTC)] * n, pa.timestamp("us", tz="UTC")),
            "split": list(found.values()),
        }
        append_batches(lakehouse, STREAM_RATINGS, pa.table(columns))

    return stage


@pytest.mark.both_engines
def test_the_hash_is_the_one_of_the_engines(spark: Any) -> None:
    random = np.random.default_rng(0)
    users = np.concatenate([random.integers(-(2**31), 2**31, 500), [0, 1, -1, 2**31 - 1, -(2**31)]]).astype(np.int32)
    frame = spark.createDataFrame(pa.table({"user_id": users, "movie_id": random.permutation(users)}))
    number = F.xxhash64("user_id", "movie_id", F.lit(SALT))
    side = F.when(F.pmod(number, F.lit(100)) < F.lit(100 * 0.8), "train").otherwise("test")
    found = frame.select("user_id", "movie_id", number.alias("hash"), side.alias("side")).toArrow()
    user_id, movie_id = found["user_id"].to_numpy(), found["movie_id"].to_numpy()
    salt = np.full(len(users), SALT, np.int32)
    assert xxhash64(user_id, movie_id, salt).tolist() == found["hash"].to_pylist()
    assert hashed_split(user_id, movie_id, 0.8).tolist() == found["side"].to_pylist()


@pytest.mark.parametrize("ratio", [0.5, 0.8, 0.99])
def test_about_the_asked_share_of_unknown_pairs_is_train(lakehouse: Lakehouse, ratio: float) -> None:
    found = sides(lakehouse, [(user, movie) for user in range(100) for movie in range(100)], ratio)
    assert found.count("train") / len(found) == pytest.approx(ratio, abs=0.015)


@settings(max_examples=50, deadline=None)
@given(pairs=st.lists(st.tuples(INT32, INT32), min_size=1, max_size=20), ratio=st.sampled_from([0.1, 0.8]))
def test_a_pairs_side_depends_on_nothing_but_the_pair_and_the_ratio(pairs: list[Pair], ratio: float) -> None:
    users, movies = (ids(column) for column in zip(*pairs, strict=True))
    assert hashed_split(users, movies, ratio).tolist() == [hashed(pair, ratio) for pair in pairs]


def test_a_pair_that_history_knows_keeps_its_side(lakehouse: Lakehouse, history: Callable) -> None:
    known = {(user, movie): other(hashed((user, movie))) for user in range(1, 6) for movie in range(1, 6)}
    history(known)
    asked = [*list(known)[::-1], (99, 1), (1, 99), (1, 1)]
    assert sides(lakehouse, asked) == [known.get(pair) or hashed(pair) for pair in asked]


def test_a_pair_that_history_keeps_for_the_future_counts_as_unknown(lakehouse: Lakehouse, history: Callable) -> None:
    pairs = [(user, 1) for user in range(20)]
    history(dict.fromkeys(pairs, "future"))
    assert sides(lakehouse, pairs) == [hashed(pair) for pair in pairs]


def test_a_pair_that_was_streamed_before_keeps_its_side_whatever_the_ratio(
    lakehouse: Lakehouse, earlier: Callable
) -> None:
    known = {(user, 1): other(hashed((user, 1))) for user in range(20)}
    earlier(known)
    assert sides(lakehouse, list(known), 0.01) == sides(lakehouse, list(known), 0.99) == list(known.values())


@pytest.mark.both_engines
def test_history_comes_before_earlier_stream_rows(lakehouse: Lakehouse, history: Callable, earlier: Callable) -> None:
    earlier({(1, 1): "train", (1, 2): "test", (1, 3): "test"})
    history({(1, 1): "test", (1, 2): "future"})
    assert sides(lakehouse, [(1, 1), (1, 2), (1, 3)]) == ["test", "test", "test"]


def test_no_pairs_have_no_sides(lakehouse: Lakehouse, history: Callable) -> None:
    history({(1, 1): "train"})
    assert split_pairs(lakehouse, ids([]), ids([]), 0.8).to_pylist() == []

"""What models are trained and judged on, as arrays: all ratings, or those of the newest days; where they came from."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from reco_assets.models.framed import FramedRatings
from reco_assets.models.inputs import frame_ratings, read_ratings, read_test_ratings
from reco_assets.tables import TEST_RATINGS, TRAIN_RATINGS
from resources.tables.growth import Changes, commit_changes
from resources.tables.lakehouse import Lakehouse


def rows(origin: str, *users: int) -> pa.Table:
    return pa.table(
        {
            "user_id": pa.array(users, pa.int32()),
            "movie_id": pa.array(users, pa.int32()),
            "rating": pa.array([user / 2 for user in users], pa.float32()),
            "rating_ts": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * len(users), pa.timestamp("us", tz="UTC")),
            "origin": pa.array([origin] * len(users), pa.string()),
        }
    )


def append(lakehouse: Lakehouse, new: pa.Table) -> None:
    commit_changes(lakehouse, TEST_RATINGS, Changes(new, new.slice(0, 0)), ["user_id", "movie_id", "rating_ts"])


@pytest.mark.both_engines
def test_each_test_rating_is_told_as_historys_or_streamed(lakehouse: Lakehouse) -> None:
    lakehouse.write(TEST_RATINGS, lakehouse.engine.session.createDataFrame(rows("history", 1, 2)))
    for batch, users in (("a", (3, 4)), ("b", (5,))):
        append(lakehouse, rows(batch, *users))
    test, streamed = read_test_ratings(lakehouse, lakehouse.version(TEST_RATINGS.name))
    found = zip(test.user_id.tolist(), test.rating.tolist(), streamed.tolist(), strict=True)
    assert sorted(found) == [(1, 0.5, False), (2, 1.0, False), (3, 1.5, True), (4, 2.0, True), (5, 2.5, True)]


def test_an_older_version_holds_what_it_held(lakehouse: Lakehouse) -> None:
    lakehouse.write(TEST_RATINGS, rows("history", 1))
    append(lakehouse, rows("a", 2))
    test, streamed = read_test_ratings(lakehouse, 0)
    assert (test.user_id.tolist(), streamed.tolist()) == ([1], [False])


NEWEST = datetime(2020, 6, 30, 12, tzinfo=UTC)


@pytest.fixture
def ages(lakehouse: Lakehouse) -> Lakehouse:
    """User n rated n days before the newest rating."""
    days = [0, 1, 29, 30, 31, 400]
    times = [NEWEST - timedelta(days=day) for day in days]
    columns = {
        "user_id": pa.array(days, pa.int32()),
        "movie_id": pa.array(days, pa.int32()),
        "rating": pa.array([4.0] * len(days), pa.float32()),
        "rating_ts": pa.array(times, pa.timestamp("us", tz="UTC")),
        "origin": pa.array(["history"] * len(days), pa.string()),
    }
    lakehouse.write(TRAIN_RATINGS, pa.table(columns))
    return lakehouse


@pytest.mark.parametrize(
    ("lookback_days", "users"),
    [
        (None, [0, 1, 29, 30, 31, 400]),
        pytest.param(30, [0, 1, 29, 30], marks=pytest.mark.both_engines),
        (1, [0, 1]),
    ],
)
def test_days_are_counted_back_from_the_newest_rating(
    ages: Lakehouse, lookback_days: int | None, users: list[int]
) -> None:
    found = read_ratings(ages, TRAIN_RATINGS.name, lookback_days=lookback_days)
    assert sorted(found.user_id.tolist()) == users
    framed = frame_ratings(ages, TRAIN_RATINGS.name, lookback_days=lookback_days)
    assert len(framed) == len(users)
    assert sorted(framed.of_some_users(100, seed=1).ratings.user_id.tolist()) == users


@pytest.mark.both_engines
def test_of_users_some_are_chosen_with_all_their_ratings_and_the_same_ones_in_the_same_order_again(
    lakehouse: Lakehouse,
) -> None:
    users, movies = np.divmod(np.arange(2_000, dtype=np.int32), 10)
    table = pa.table({"user_id": users, "movie_id": movies, "rating": np.ones(2_000, np.float32)})
    backwards = table.take(np.arange(2_000)[::-1])
    frames = [lakehouse.engine.session.createDataFrame(each) for each in (table, backwards)]
    some, again = (FramedRatings(frame, 2_000).of_some_users(500, seed=3).ratings for frame in frames)
    assert set(np.unique_counts(some.user_id).counts.tolist()) == {10}
    assert 250 < len(some) < 750
    for name in ("user_id", "movie_id", "rating"):
        assert getattr(some, name).tolist() == getattr(again, name).tolist()

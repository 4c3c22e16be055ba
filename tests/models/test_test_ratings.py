"""The ratings that models are judged on, as arrays."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from reco_assets.models.inputs import read_test_ratings
from reco_assets.tables import TEST_RATINGS
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

"""The ratings that a model is trained on, as arrays: all, or those of the newest days."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from reco_assets.models.inputs import read_ratings
from reco_assets.tables import TRAIN_RATINGS
from resources.tables.lakehouse import Lakehouse

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
    ("lookback_days", "users"), [(None, [0, 1, 29, 30, 31, 400]), (30, [0, 1, 29, 30]), (1, [0, 1])]
)
def test_days_are_counted_back_from_the_newest_rating(
    ages: Lakehouse, lookback_days: int | None, users: list[int]
) -> None:
    found = read_ratings(ages, TRAIN_RATINGS.name, lookback_days=lookback_days)
    assert sorted(found.user_id.tolist()) == users

"""Tiny silver tables to compute features from."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from reco_assets.tables import SILVER_MOVIES, SILVER_RATINGS
from resources.tables.lakehouse import Lakehouse

START = datetime(2020, 1, 1, tzinfo=UTC)
MOVIES = [(10, "Heat", ["Action", "Crime"], 1995), (20, "Toys", ["Comedy"], None), (30, "Nobody rated it", [], 2001)]
Rated = tuple[int, int, float, int]  # user, movie, stars, the day after START
Fill = Callable[[Sequence[Rated]], Lakehouse]


def day(number: float) -> datetime:
    return START + timedelta(days=number)


@pytest.fixture
def fill(lakehouse: Lakehouse) -> Fill:
    """Write silver/ratings and silver/movies."""

    def write(rated: Sequence[Rated]) -> Lakehouse:
        users, movies, stars, days = zip(*rated, strict=True)
        moments = [day(each) for each in days]
        ratings = {
            "user_id": pa.array(users, pa.int32()),
            "movie_id": pa.array(movies, pa.int32()),
            "rating": pa.array(stars, pa.float32()),
            "rating_ts": pa.array(moments, pa.timestamp("us", tz="UTC")),
            "year": pa.array([moment.year for moment in moments], pa.int32()),
            "month": pa.array([moment.month for moment in moments], pa.int32()),
        }
        lakehouse.write(SILVER_RATINGS, pa.table(ratings))
        ids, titles, genres, years = zip(*MOVIES, strict=True)
        known = {
            "movie_id": pa.array(ids, pa.int32()),
            "title": titles,
            "genres_string": ["|".join(each) for each in genres],
            "genres": pa.array(genres, pa.list_(pa.string())),
            "release_year": pa.array(years, pa.int32()),
        }
        lakehouse.write(SILVER_MOVIES, pa.table(known))
        return lakehouse

    return write

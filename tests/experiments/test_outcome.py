"""Which users of an experiment count, and as what."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from reco_assets.experiments.outcome import Outcomes, after_exposure, hits_among, outcomes

START = datetime(2026, 1, 1, tzinfo=UTC)
STAMP = pa.timestamp("us", tz="UTC")


def day(number: float) -> datetime:
    return START + timedelta(days=number)


SHOWN = pa.table(
    {
        "user_id": pa.array([1, 1, 2, 3], pa.int32()),
        "variant": ["champion", "champion", "challenger", "challenger"],
        "movies": pa.array([[10, 11], [12], [20, 21], [30]], pa.list_(pa.int32())),
        "shown_ts": pa.array([day(0), day(5), day(0), day(0)], STAMP),
    }
)


def found(*ratings: tuple[int, int, float, float], as_of: float = 99) -> Outcomes:
    """What comes of ratings (user, movie, stars, day), with windows of a week."""
    users, movies, stars, days = zip(*ratings, strict=True)
    said = pa.table(
        {
            "user_id": pa.array(users, pa.int32()),
            "movie_id": pa.array(movies, pa.int32()),
            "rating": pa.array(stars, pa.float32()),
            "rating_ts": pa.array([day(each) for each in days], STAMP),
        }
    )
    after = after_exposure(said, SHOWN)
    return outcomes(after, hits_among(after, SHOWN, 4.0), timedelta(days=7), day(as_of))


@pytest.mark.parametrize(
    ("rating", "hit"),
    [
        pytest.param((1, 10, 4.0, 1), 1, id="a listed movie that is liked"),
        pytest.param((1, 10, 3.5, 1), 0, id="a listed movie that is not liked"),
        pytest.param((1, 99, 5.0, 1), 0, id="a liked movie that was not listed"),
        pytest.param((1, 20, 5.0, 1), 0, id="a liked movie of another user's list"),
        pytest.param((1, 12, 5.0, 1), 0, id="a liked movie that was listed only later"),
        pytest.param((1, 12, 5.0, 6), 1, id="a liked movie of a later list"),
    ],
)
def test_a_user_hits_by_liking_a_movie_that_an_own_list_had_by_then(rating: tuple, hit: int) -> None:
    assert found(rating).hit.tolist() == [hit]


def test_the_window_begins_with_the_first_rating_after_the_first_list() -> None:
    assert found((1, 99, 3.0, 2), (1, 10, 5.0, 9)).hit.tolist() == [1]
    assert found((1, 99, 3.0, 2), (1, 10, 5.0, 9.1)).hit.tolist() == [0]


def test_who_rated_before_the_list_alone_did_not_come_back_and_a_stranger_has_no_list() -> None:
    assert len(found((1, 10, 5.0, -1), (77, 10, 5.0, 3))) == 0


def test_users_stand_in_the_order_in_which_they_came_back_each_once_with_the_arm() -> None:
    units = found((2, 20, 5.0, 4), (2, 21, 5.0, 5), (1, 10, 1.0, 3), (3, 99, 5.0, 2))
    assert units.challenger.tolist() == [True, False, True]
    assert units.hit.tolist() == [0, 0, 1]


def test_a_user_counts_once_ratings_reach_beyond_the_window() -> None:
    units = found((1, 10, 5.0, 1), (2, 20, 5.0, 4), as_of=8)
    assert (units.challenger.tolist(), units.open) == ([False], 1)

"""What is said of test ratings that are older than what a version was trained on."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from reco_assets.models.judging.leakage import Leakage, leakage_of
from reco_assets.tables import TEST_RATINGS, TRAIN_RATINGS
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse

Write = Callable[..., None]


@pytest.fixture
def write(lakehouse: Lakehouse) -> Write:
    """Write ratings of these seconds."""

    def written(spec: TableSpec, seconds: Sequence[int], origin: str = "history") -> None:
        count = len(seconds)
        columns = {
            "user_id": pa.array(range(count), pa.int32()),
            "movie_id": pa.array(range(count), pa.int32()),
            "rating": pa.array([4.0] * count, pa.float32()),
            "rating_ts": pa.array(
                [datetime.fromtimestamp(second, UTC) for second in seconds], pa.timestamp("us", tz="UTC")
            ),
            "origin": pa.array([origin] * count, pa.string()),
        }
        lakehouse.write(spec, pa.table(columns))

    return written


def test_test_ratings_older_than_the_newest_training_rating_are_counted(lakehouse: Lakehouse, write: Write) -> None:
    write(TRAIN_RATINGS, [5, 9, 7])
    write(TEST_RATINGS, [8, 9, 10, 1])
    assert leakage_of(lakehouse) == Leakage(tested=4, older=2, tied=1)


def test_what_streamed_in_is_counted_and_said(lakehouse: Lakehouse, write: Write) -> None:
    write(TRAIN_RATINGS, [5])
    write(TEST_RATINGS, [6, 7], "batch")
    found = leakage_of(lakehouse)
    assert found == Leakage(tested=2, older=0, streamed=2)
    assert "newest ratings, and 2 that streamed in and were drawn from their batches by a hash: 0.0%" in found.text(
        "per_user:test=0.2"
    )


def test_each_version_is_looked_at_by_itself(lakehouse: Lakehouse, write: Write) -> None:
    for second in (5, 9):
        write(TRAIN_RATINGS, [second])
    write(TEST_RATINGS, [7])
    assert (leakage_of(lakehouse, 0, 0).older, leakage_of(lakehouse, 1, 0).older) == (0, 1)


def test_nothing_leaks_where_nothing_was_trained_on_or_is_tested(lakehouse: Lakehouse, write: Write) -> None:
    write(TRAIN_RATINGS, [])
    write(TEST_RATINGS, [7])
    assert leakage_of(lakehouse) == Leakage(tested=1, older=0)
    assert Leakage(tested=0, older=0).share == 0


def test_a_global_split_alone_promises_that_nothing_leaks() -> None:
    assert Leakage(9, 0).is_as_promised("global:test=0.2")
    assert not Leakage(9, 1).is_as_promised("global:test=0.2")
    assert Leakage(9, 9).is_as_promised("per_user:test=0.2")


def test_figures_are_said_to_be_a_forecasts_or_not() -> None:
    forecast, other = Leakage(4, 0), Leakage(4, 3)
    assert forecast.text("global:test=0.2") == (
        "Judged on ratings that were made after all those trained on: 0.0% of 4 are older than the newest training "
        "rating, so the figures are a forecast's."
    )
    assert "each user's newest ratings: 75.0% of 4 are older" in other.text("per_user:test=0.2")
    assert "may be better than a forecast's" in other.text("random:test=0.2")
    assert other.text("another").startswith("Judged on the test ratings of split another:")


def test_nothing_is_called_a_forecast_where_nothing_is_tested_or_all_is_of_one_time() -> None:
    assert Leakage(0, 0).text("per_user:test=0.2") == (
        "Judged on each user's newest ratings: there are none, so nothing tells how good it is."
    )
    assert "all 4 are of one time" in Leakage(4, 0, tied=4).text("per_user:test=0.2")
    assert "a forecast's" in Leakage(4, 0, tied=3).text("global:test=0.2")

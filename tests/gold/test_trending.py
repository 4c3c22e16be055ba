"""What is trending is a sum over events that fade, whichever way they come."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco_assets.gold.trending import newest_of, trending_rows

NOW = datetime(2026, 1, 31, tzinfo=UTC)
COLUMNS = pa.schema(
    {"event_type": pa.string(), "movie_id": pa.int32(), "event_ts": pa.timestamp("us", tz="UTC"), "other": pa.int8()}
)


def batch(*events: tuple[str, int | None, datetime]) -> pa.RecordBatch:
    rows = [{"event_type": kind, "movie_id": movie, "event_ts": at} for kind, movie, at in events]
    return pa.RecordBatch.from_pylist(rows, COLUMNS)


def test_an_event_counts_half_after_each_half_life() -> None:
    events = batch(("view", 1, NOW), ("view", 2, NOW - timedelta(days=7)), ("rating", 2, NOW - timedelta(days=14)))
    assert trending_rows([events], NOW, 7.0).to_pylist() == [
        {"movie_id": 1, "score": 1.0, "events": 1, "rank": 1, "as_of": NOW},
        {"movie_id": 2, "score": 0.75, "events": 2, "rank": 2, "as_of": NOW},
    ]


def test_users_and_movies_that_come_are_no_interest_in_a_movie() -> None:
    events = batch(("movie", 1, NOW), ("user", None, NOW), ("click", 2, NOW))
    assert trending_rows([events], NOW, 7.0)["movie_id"].to_pylist() == [2]


def test_movies_of_one_score_are_ranked_by_their_id() -> None:
    events = batch(*(("view", movie, NOW) for movie in (5, 3, 4)))
    assert trending_rows([events], NOW, 7.0)["movie_id"].to_pylist() == [3, 4, 5]


def test_the_newest_event_is_the_moment_it_is_told_as_of() -> None:
    assert newest_of([batch(("view", 1, NOW - timedelta(days=1))), batch(), batch(("user", None, NOW))]) == NOW
    assert newest_of([batch()]) is None


def test_without_an_event_there_is_no_row() -> None:
    assert trending_rows([], None, 7.0).num_rows == 0


EVENT = st.tuples(
    st.sampled_from(["view", "click", "rating", "movie"]),
    st.integers(0, 2**31 - 1) | st.integers(0, 5),
    st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 31)).map(lambda at: at.replace(tzinfo=UTC)),
)


@given(st.lists(EVENT, min_size=1, max_size=30), st.floats(0.5, 400.0), st.integers(1, 5))
def test_scores_are_the_direct_sum_however_the_events_are_cut_into_batches(
    events: list[tuple[str, int, datetime]], half_life: float, size: int
) -> None:
    batches = [batch(*events[start : start + size]) for start in range(0, len(events), size)]
    expected: dict[int, float] = {}
    as_of = max(at for _, _, at in events)
    for kind, movie, at in events:
        if kind != "movie":
            age_days = (as_of - at).total_seconds() / 86_400
            expected[movie] = expected.get(movie, 0.0) + 2.0 ** (-age_days / half_life)
    found = trending_rows(batches, as_of, half_life).to_pylist()
    assert {row["movie_id"]: row["score"] for row in found} == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert [row["rank"] for row in found] == list(range(1, len(found) + 1))
    assert [row["score"] for row in found] == sorted((row["score"] for row in found), reverse=True)

"""A feature at a moment is what loops over the events before that moment make of it; none at or after it counts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reco_assets.features.compute import build
from reco_assets.features.declarations import FEATURES
from reco_assets.features.point_in_time import ALL, features_at
from resources.databases import in_memory
from tests.features.worlds import GENRES, START, Event, events, known, moments, sources

Asked = Sequence[tuple[int, int, datetime]]


def read(happened: Sequence[Event], asked: Asked) -> list[dict[str, Any]]:
    """The features of users, movies and both just before moments, from the store's own tables."""
    users, movies, ts = zip(*asked, strict=True)
    turns = pa.array(range(len(asked)))
    table = pa.table({"user_id": users, "movie_id": movies, "ts": pa.array(ts, pa.timestamp("us")), "turn": turns})
    with in_memory() as connection:
        build(connection, sources(happened), FEATURES)
        connection.register("asked", table)
        query = features_at(ALL, "asked", FEATURES, len(GENRES))
        rows = connection.sql(f"{query} ORDER BY turn").to_arrow_table()
        found: list[dict[str, Any]] = rows.drop_columns(table.column_names).to_pylist()
        return found


@settings(max_examples=40, deadline=None)
@given(events(), st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5), moments()), min_size=1, max_size=10))
@example([Event(1, 1, START, "rating", 5.0)], [(1, 1, START)])
def test_a_feature_is_what_loops_over_earlier_events_make_of_it(happened: list[Event], asked: Asked) -> None:
    # Beside any moment also those of the events themselves, where what is seen by mistake is seen first.
    asked = [*asked, *((each.user, each.movie, each.ts) for each in happened)]
    for found, (user, movie, at) in zip(read(happened, asked), asked, strict=True):
        expected = known(happened, user, movie, at)
        assert found.keys() == expected.keys()
        for name, value in found.items():
            assert value == pytest.approx(expected[name], rel=1e-5, abs=1e-6), (name, user, movie, at)


@settings(max_examples=15, deadline=None)
@given(events(), st.data())
def test_what_comes_later_changes_nothing(happened: list[Event], data: st.DataObject) -> None:
    cut = data.draw(st.sampled_from([each.ts for each in happened]))
    before = [each for each in happened if each.ts < cut]
    asked = [(user, movie, cut) for user in range(1, 4) for movie in range(1, 5)]
    if any(each.kind == "rating" for each in before):
        assert read(happened, asked) == read(before, asked)

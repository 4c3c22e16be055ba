"""What is split in memory is split as by frames, which say the rules in the words of SQL."""

from itertools import combinations
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reco_assets.split import arrays
from reco_assets.split import plan as frames
from reco_assets.vocabulary import SIDES
from resources.settings.split import SplitSettings
from tests.split.worlds import (
    POLICY,
    Placed,
    Rating,
    World,
    by_frames,
    frame_of,
    in_memory,
    placed,
    ratings,
    sides_of,
)

DAY = 86_400
WHOLE = st.sampled_from([0, 1, 2, DAY - 1, DAY, DAY + 1, 9 * DAY])
BROKEN = st.sampled_from([0.25, 0.75, 1.0, 1.5, DAY + 0.5])  # as events may have them


def ratings_at(seconds: st.SearchStrategy[float]) -> st.SearchStrategy[list[Rating]]:
    return st.lists(st.tuples(st.integers(1, 4), st.integers(1, 6), seconds), unique=True, max_size=60)


def with_ids_too_large_to_pack(rows: list[Rating]) -> list[Rating]:
    return [(user + 2**31 - 9, movie + 2**31 - 9, second) for user, movie, second in rows]


ROWS = ratings_at(WHOLE) | ratings_at(BROKEN) | ratings_at(WHOLE).map(with_ids_too_large_to_pack)
PLACED = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 6), st.sampled_from(SIDES)), max_size=8)
ON_TWO_SIDES = [(1, movie, side) for movie, named in enumerate(combinations(SIDES, 2), start=1) for side in named]
FRACTION = st.sampled_from([0.0, 0.05, 0.3, 0.9])
PLAN = st.builds(
    SplitSettings,
    strategy=st.sampled_from(["per_user", "global", "random"]),
    test_fraction=FRACTION,
    future_fraction=FRACTION,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.builds(World, ROWS, PLAN, earlier=PLACED, streamed=PLACED))
@example(World([(1, movie, 0) for movie in (1, 2, 3)], SplitSettings(), earlier=ON_TWO_SIDES))
def test_arrays_split_as_frames_do(spark: Any, world: World) -> None:
    assert sides_of(in_memory(world)) == sides_of(by_frames(spark, world))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, files=PLACED)
def test_arrays_are_split_as_delivered_as_frames_are(spark: Any, rows: list[Rating], files: list[Placed]) -> None:
    raw, of_file = placed(files, "_source_file"), placed(files, "side")["side"].to_pylist()
    named = {side: raw.filter(pa.array([found == side for found in of_file], pa.bool_())) for side in SIDES}
    pairs = arrays.pairs_of(ratings(rows))
    found = arrays.split_table(ratings(rows), pairs, arrays.sides_as_delivered(pairs, named), POLICY)
    text = raw.set_column(2, "_source_file", pa.array([f"{side}.txt" for side in of_file], pa.string()))
    sided = frames.split_as_delivered(frame_of(spark, ratings(rows)), frames.delivered_sides(frame_of(spark, text)))
    assert sides_of(found) == sides_of(frames.as_split_ratings(sided, POLICY).toArrow())

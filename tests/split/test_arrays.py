"""What is split in memory is split as by frames, which say the rules in the words of SQL."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reco_assets.vocabulary import SIDES
from resources.settings.split import SplitSettings
from tests.split.worlds import Rating, World, by_frames, in_memory, sides_of

DAY = 86_400
WHOLE = st.sampled_from([0, 1, 2, DAY - 1, DAY, DAY + 1, 9 * DAY])
BROKEN = st.sampled_from([0.25, 0.75, 1.0, 1.5, DAY + 0.5])  # as events may have them


def ratings_at(seconds: st.SearchStrategy[float]) -> st.SearchStrategy[list[Rating]]:
    return st.lists(st.tuples(st.integers(1, 4), st.integers(1, 6), seconds), unique=True, max_size=60)


def with_ids_too_large_to_pack(rows: list[Rating]) -> list[Rating]:
    return [(user + 2**31 - 9, movie + 2**31 - 9, second) for user, movie, second in rows]


ROWS = ratings_at(WHOLE) | ratings_at(BROKEN) | ratings_at(WHOLE).map(with_ids_too_large_to_pack)
PLACED = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 6), st.sampled_from(SIDES)), max_size=8)
FRACTION = st.sampled_from([0.0, 0.05, 0.3, 0.9])
PLAN = st.builds(
    SplitSettings,
    strategy=st.sampled_from(["per_user", "global", "random"]),
    test_fraction=FRACTION,
    future_fraction=FRACTION,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.builds(World, ROWS, PLAN, earlier=PLACED, streamed=PLACED))
def test_arrays_split_as_frames_do(spark: Any, world: World) -> None:
    assert sides_of(in_memory(world)) == sides_of(by_frames(spark, world))

"""What users have rated comes back by user, in whatever parts and order it is read."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.serving.seen import Seen, write_seen

PAIRS = st.lists(st.tuples(st.integers(-3, 6), st.integers(0, 9)), max_size=30)


def batches(parts: list[list[tuple[int, int]]]) -> list[pa.RecordBatch]:
    return [
        pa.RecordBatch.from_arrays(
            [pa.array([pair[side] for pair in part], pa.int32()) for side in (0, 1)], ["user_id", "movie_id"]
        )
        for part in parts
    ]


@settings(max_examples=40, deadline=None)
@given(parts=st.lists(PAIRS, max_size=4))
def test_a_user_has_exactly_the_movies_that_the_user_rated(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[tuple[int, int]]]
) -> None:
    folder: Path = tmp_path_factory.mktemp("seen")
    write_seen(lambda: batches(parts), folder)
    seen = Seen.load(folder)
    for user in range(-4, 8):
        rated = [movie for part in parts for of, movie in part if of == user]
        found = seen.of(user)
        assert sorted(found.movie_id.tolist()) == sorted(rated)
        assert (found.user_id == user).all()
        assert found.movie_id.dtype == np.int32

"""Users that stand for all: as many as asked for, the same ones in a frame, whatever they rated."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco_assets.drift.sampling import EVERYBODY, SHARES, UserSample

USERS = np.arange(20_000, dtype=np.int32)


def test_no_more_users_than_are_wanted_are_all_of_them() -> None:
    assert UserSample.of(50_000) == UserSample.of(1) == EVERYBODY
    assert EVERYBODY.holds(USERS).all()


def test_of_more_users_about_as_many_as_are_wanted_are_chosen() -> None:
    assert UserSample.of(len(USERS), most=5_000).holds(USERS).sum() == pytest.approx(5_000, rel=0.05)


def test_somebody_is_chosen_of_any_number_of_users() -> None:
    assert UserSample.of(2**31, most=1).kept == 1


@given(st.integers(1, SHARES), st.integers(1, SHARES))
def test_a_larger_sample_holds_the_users_of_a_smaller_one(one: int, other: int) -> None:
    smaller, larger = (UserSample(kept).holds(USERS[:500]) for kept in sorted((one, other)))
    assert larger[smaller].all()


@pytest.mark.both_engines
def test_a_frame_has_the_same_users(spark: Any) -> None:
    sample = UserSample(SHARES // 3)
    frame = spark.createDataFrame(pa.table({"user_id": USERS})).where(sample.condition())
    assert sorted(frame.toArrow()["user_id"].to_pylist()) == USERS[sample.holds(USERS)].tolist()

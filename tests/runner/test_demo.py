"""What the demo does with ratings that can't be shifted as far as others."""

from collections.abc import Mapping
from typing import Any

import pytest

from reco_assets.runner import demo
from reco_assets.streaming.simulate import ShiftError, Simulation
from resources.settings import Settings, load_settings


@pytest.mark.parametrize(("room", "dropped"), [(3.0, [-1.0]), (0.6, [-0.5]), (0.0, [])])
def test_ratings_are_shifted_as_far_as_they_can_be_and_else_it_is_said(
    monkeypatch: pytest.MonkeyPatch, room: float, dropped: list[float]
) -> None:
    made: list[float] = []

    def simulate(_: Settings, plan: Simulation, __: str) -> Mapping[str, Any]:
        if -plan.tilt > room:
            raise ShiftError("can't be shifted")
        made.append(plan.tilt)
        return {"rows": 1, "users": 1, "mean": 3.0}

    monkeypatch.setattr(demo, "simulate", simulate)
    said: list[str] = []
    assert demo.drop_shifted(load_settings(), said.append, 1) == bool(dropped)
    assert made == dropped
    assert ("nothing is retrained" in said[-1]) == (not dropped)

"""What stages come to: nothing is lost between models, batches and days, and batches share evenly."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_assets.ops.costs import (
    NotNotedError,
    batch_costs,
    model_costs,
    overview,
    sums,
    table_costs,
    to_batches,
    to_day,
    to_model,
)
from reco_assets.ops.stage import Stage, Written

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECONDS = st.floats(0, 1e6, allow_nan=False)


def stage(name: str = "silver/ratings", seconds: float = 1.0, **given: object) -> Stage:
    plain: dict[str, object] = {"started_ts": NOON, "outcome": "succeeded", "peak_memory_mib": 100.0}
    return Stage("run", "job", name, wall_seconds=seconds, cpu_seconds=2 * seconds, **(plain | given))  # type: ignore[arg-type]


@st.composite
def stages(draw: st.DrawFn) -> Stage:
    batches = draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=4))
    return Stage(
        "run",
        "job",
        "stage",
        NOON + timedelta(hours=draw(st.integers(0, 100))),
        "succeeded",
        draw(SECONDS),
        draw(SECONDS),
        draw(SECONDS),
        model_version=draw(st.sampled_from([None, "v1", "v2"])),
        batches=tuple(batches),
        batch_count=len(batches) + draw(st.integers(0, 3)),
    )


@pytest.mark.parametrize("shares", [to_model, to_batches, to_day])
@settings(max_examples=40)
@given(found=st.lists(stages(), max_size=6))
def test_what_models_batches_or_days_cost_and_the_rest_come_to_the_total(
    shares: Callable[[Stage], Mapping[object, float]], found: list[Stage]
) -> None:
    parts = sums(found, shares).values()
    for figure in ("wall_seconds", "cpu_seconds"):
        assert sum(getattr(part, figure) for part in parts) == pytest.approx(sum(getattr(s, figure) for s in found))
    assert max((p.peak_memory_mib for p in parts), default=0) == max((s.peak_memory_mib for s in found), default=0)


def test_batches_of_a_stage_share_it_evenly_and_those_without_a_name_are_nobodys() -> None:
    found = [stage(seconds=8.0, batches=("b1", "b2"), batch_count=4), stage(seconds=1.0)]
    assert {key: cost.wall_seconds for key, cost in sums(found, to_batches).items()} == {"b1": 2, "b2": 2, None: 5}


def test_a_batch_is_found_by_the_beginning_of_its_name_where_that_is_one_batch() -> None:
    found = [stage("process_streaming_data", 4.0, batches=("b1x", "b2x"), batch_count=2)]
    assert batch_costs(found, "b1")["total"]["wall_seconds"] == 2.0
    with pytest.raises(NotNotedError, match="2 batches begin with b"):
        batch_costs(found, "b")


def test_the_stages_of_a_model_come_newest_first_with_their_total_and_its_price() -> None:
    made = [stage("models/als_candidate", 9.0, model_version="v1")]
    made.append(stage("models/als_evaluation", 1.0, model_version="v1", started_ts=NOON + timedelta(minutes=1)))
    found = model_costs([*made, stage()], "v1", price=3.6)
    assert [each["stage"] for each in found["stages"]] == ["models/als_evaluation", "models/als_candidate"]
    assert found["total"]["wall_seconds"] == 10.0
    assert found["total"]["cost"] == pytest.approx(0.02)  # 20 CPU seconds


def test_each_write_of_a_table_has_its_own_rows_also_where_a_stage_wrote_two_tables() -> None:
    two = (Written("stream/ratings", 10, 100), Written("stream/quarantine", 1, 20))
    found = table_costs([stage("process_streaming_data", written=two)], "stream/quarantine")
    assert [(write["rows"], write["bytes"]) for write in found["writes"]] == [(1, 20)]


def test_what_is_not_noted_is_said_with_what_is() -> None:
    with pytest.raises(NotNotedError, match=r"No write of gold/nothing is noted\. There are: gold/trending"):
        table_costs([stage(written=(Written("gold/trending", 1, 1),))], "gold/nothing")


def test_of_nothing_there_is_nothing() -> None:
    found = overview([])
    assert found["total"]["stages"] == 0
    assert found["models"] == found["batches"] == found["tables"] == found["days"] == []

"""A run notes what its stages took: those that ended well and the one that didn't, and never fails by that."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.ops.stage import Stage
from reco_assets.ops.store import stages_since
from reco_assets.runner import recorded
from reco_assets.runner.taken import announced
from reco_assets.tables import TRENDING
from resources.io_managers import LakehouseIOManager
from resources.tables.lakehouse import Lakehouse

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
ROWS = pa.table(
    {"movie_id": [1, 2], "score": [1.0, 2.0], "events": [1, 2], "rank": [2, 1], "as_of": [LONG_AGO] * 2}
).cast(to_arrow_schema(TRENDING.schema, timezone="UTC"))


@dg.asset(key=["gold", "trending"], required_resource_keys={"lakehouse"})
def trending(context: dg.AssetExecutionContext) -> Any:
    context.add_output_metadata({"model_version": "v1"})
    return ROWS


@dg.asset_check(asset=["gold", "trending"], required_resource_keys={"lakehouse"})
def looked_at() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.asset(key=["gold", "broken"], deps=[["gold", "trending"]], required_resource_keys={"lakehouse"})
def broken() -> None:
    raise ValueError("on purpose")


@dg.asset(key=["gold", "again"], required_resource_keys={"lakehouse"}, retry_policy=dg.RetryPolicy(max_retries=1))
def again(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    if not context.retry_number:
        raise ValueError("the first time")
    return dg.MaterializeResult(metadata={"batches": {"count": 3, "newest": ["b3", "b2"]}})


def run(lakehouse: Lakehouse, *assets: Any) -> dg.ExecuteInProcessResult:
    resources = {
        "lakehouse": announced(lakehouse),
        "io_manager": LakehouseIOManager(lakehouse, {TRENDING.name: TRENDING}),
    }
    return dg.materialize(assets, resources=resources, raise_on_error=False)


@pytest.fixture
def noted(lakehouse: Lakehouse) -> Callable[..., dict[str, Stage]]:
    """Make assets, and give the stages that were noted, by stage and outcome."""

    def make(*assets: Any) -> dict[str, Stage]:
        run(lakehouse, *assets)
        return {f"{each.stage} {each.outcome}": each for each in stages_since(lakehouse, LONG_AGO)}

    return make


Noted = Callable[..., dict[str, Stage]]


@pytest.mark.both_engines
def test_a_stage_has_what_it_took_and_wrote(noted: Noted) -> None:
    found = noted(trending)["gold/trending succeeded"]
    assert found.wall_seconds > 0
    assert found.peak_memory_mib > 10
    assert [(each.asset, each.rows) for each in found.written] == [("gold/trending", 2)]
    assert found.bytes > 0
    assert found.model_version == "v1"


def test_a_check_is_about_the_version_of_what_it_looks_at(noted: Noted) -> None:
    found = noted(trending, looked_at)
    assert {each.model_version for each in found.values()} == {"v1"}
    assert len(found) == 2


def test_an_asset_that_fails_has_its_row_beside_those_that_did_not(noted: Noted) -> None:
    assert set(noted(trending, broken)) == {"gold/trending succeeded", "gold/broken failed"}


def test_each_try_of_a_stage_has_a_row_and_batches_are_noted(noted: Noted) -> None:
    found = noted(again)
    assert set(found) == {"gold/again retried", "gold/again succeeded"}
    assert (found["gold/again succeeded"].batches, found["gold/again succeeded"].batch_count) == (("b3", "b2"), 3)


@pytest.mark.parametrize("at", ["note_stages", "put_since"])
def test_a_run_goes_on_where_its_costs_cannot_be_noted(
    lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no space left on this device")

    monkeypatch.setattr(recorded, at, refuse)
    result = run(lakehouse, trending)
    assert result.success
    assert lakehouse.row_count("gold/trending") == 2


def test_parquet_tables_are_made_without_a_note(make_lakehouse: Callable[..., Lakehouse]) -> None:
    lakehouse = make_lakehouse(storage_format="parquet")
    assert run(lakehouse, trending).success
    assert not lakehouse.exists("ops/runs")


def test_a_step_that_is_under_way_as_the_run_ends_is_stopped(lakehouse: Lakehouse) -> None:
    recorder = recorded.Recorder(lakehouse, "run", "job")
    recorder._open = recorded._Open("gold/trending", time.time())
    assert recorder.close() == ""
    assert [each.outcome for each in stages_since(lakehouse, LONG_AGO)] == ["stopped"]

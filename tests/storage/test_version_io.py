"""How a model version travels from the asset that made it to the assets that use it."""

import json

import dagster as dg
import pytest

from resources.engine import Engine
from resources.io_managers import VersionIOManager
from resources.tables.files import LakehouseError
from resources.tables.lakehouse import Lakehouse


def _assets(version: str, seen: list[str]) -> list[dg.AssetsDefinition]:
    @dg.asset(key_prefix="models", io_manager_key="version_io")
    def candidate() -> str:
        return version

    @dg.asset(key_prefix="models", io_manager_key="version_io")
    def champion(candidate: str) -> str:
        seen.append(candidate)
        return candidate

    return [candidate, champion]


def _materialize(
    lakehouse: Lakehouse, assets: list[dg.AssetsDefinition], selection: list[dg.AssetsDefinition] | None = None
) -> dg.ExecuteInProcessResult:
    return dg.materialize(assets, resources={"version_io": VersionIOManager(lakehouse)}, selection=selection)


def test_a_version_travels_within_a_run(lakehouse: Lakehouse) -> None:
    seen: list[str] = []
    _materialize(lakehouse, _assets("20260102T030405Z", seen))
    assert seen == ["20260102T030405Z"]


def test_a_version_travels_to_a_later_run_by_the_lakehouse(lakehouse: Lakehouse) -> None:
    seen: list[str] = []
    assets = _assets("20260102T030405Z", seen)
    _materialize(lakehouse, assets, selection=assets[:1])
    _materialize(lakehouse, assets, selection=assets[1:])
    assert seen == ["20260102T030405Z"]


def test_the_version_returned_last_is_the_one_that_counts(lakehouse: Lakehouse) -> None:
    seen: list[str] = []
    for version in ("first", "second"):
        _materialize(lakehouse, _assets(version, seen)[:1])
    assets = _assets("unused", seen)
    _materialize(lakehouse, assets, selection=assets[1:])
    assert seen == ["second"]


def test_the_version_is_the_data_version(lakehouse: Lakehouse) -> None:
    result = _materialize(lakehouse, _assets("20260102T030405Z", []))
    tags = [event.materialization.tags for event in result.get_asset_materialization_events()]
    assert [tag["dagster/data_version"] for tag in tags] == ["20260102T030405Z"] * 2


def test_each_asset_has_a_small_json_file_of_its_own(lakehouse: Lakehouse) -> None:
    _materialize(lakehouse, _assets("20260102T030405Z", []))
    folder = lakehouse.path("gold", "_versions")
    assert sorted(file.name for file in folder.iterdir()) == ["candidate.json", "champion.json"]
    assert json.loads((folder / "champion.json").read_text())["version"] == "20260102T030405Z"


def test_a_run_goes_on_with_its_own_version_while_another_makes_a_newer_one(lakehouse: Lakehouse) -> None:
    seen: list[str] = []

    def meanwhile(context: dg.AssetExecutionContext) -> str:
        _materialize(lakehouse, _assets("of_the_other_run", []))
        return context.run_id

    @dg.asset(key_prefix="models", io_manager_key="version_io")
    def candidate() -> str:
        return "of_this_run"

    @dg.asset(key_prefix="models", io_manager_key="version_io", deps=[candidate])
    def between(context: dg.AssetExecutionContext) -> str:
        return meanwhile(context)

    @dg.asset(key_prefix="models", io_manager_key="version_io", deps=[between])
    def champion(candidate: str) -> str:
        seen.append(candidate)
        return candidate

    _materialize(lakehouse, [candidate, between, champion])
    assert seen == ["of_this_run"]


def test_a_run_started_again_from_a_failure_goes_on_with_the_version_of_the_first(lakehouse: Lakehouse) -> None:
    seen: list[str] = []
    assets = _assets("of_the_first", seen)
    first = _materialize(lakehouse, assets, selection=assets[:1])
    _materialize(lakehouse, _assets("of_another", [])[:1])
    dg.materialize(
        assets,
        resources={"version_io": VersionIOManager(lakehouse)},
        selection=assets[1:],
        tags={"dagster/parent_run_id": first.run_id, "dagster/root_run_id": first.run_id},
    )
    assert seen == ["of_the_first"]


def test_a_version_that_was_never_made_is_asked_for_with_the_command_that_makes_it(lakehouse: Lakehouse) -> None:
    assets = _assets("unused", [])
    with pytest.raises(
        LakehouseError, match=r"Asset models/candidate was never materialized\. Run: reco train, with --model"
    ):
        _materialize(lakehouse, assets, selection=assets[1:])


def test_no_engine_is_started_to_pass_a_version_on(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    unused = Engine(lakehouse.settings)
    monkeypatch.setattr(lakehouse, "engine", unused)
    assert _materialize(lakehouse, _assets("20260102T030405Z", [])).success
    assert "session" not in vars(unused)

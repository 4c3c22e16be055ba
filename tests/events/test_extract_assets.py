"""What Dagster shows of an extraction: counts, and in failed checks what nobody may miss."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from reco_assets.events.extraction import assets
from reco_assets.events.extraction.counts import Extracted
from reco_assets.events.extraction.extract import extract
from reco_assets.events.extraction.messages import Gap, Partition
from resources.tables.lakehouse import Lakehouse
from tests.events.conftest import event


@pytest.fixture
def run(lakehouse: Lakehouse) -> Callable[..., dg.ExecuteInProcessResult]:
    """Extract by the assets, both or those named."""

    def materialise(*tables: str) -> dg.ExecuteInProcessResult:
        selection = dg.AssetSelection.assets(*(table.split("/") for table in tables)) if tables else None
        resources: Any = {"lakehouse": lakehouse}
        return dg.materialize([assets.extract_events], resources=resources, selection=selection, raise_on_error=False)

    return materialise


def shown(result: dg.ExecuteInProcessResult, table: str = "log") -> dict[str, Any]:
    [made] = result.asset_materializations_for_node("extract_events")[table == "dead_letters" :][:1]
    assert made.asset_key == dg.AssetKey(["events", table])
    return {name: value.value for name, value in made.metadata.items()}


def failed(result: dg.ExecuteInProcessResult) -> dict[str, str | None]:
    return {found.check_name: found.description for found in result.get_asset_check_evaluations() if not found.passed}


def test_counts_offsets_and_lag_are_shown_by_topic(run: Callable, put: Callable) -> None:
    put(event("a"), event("a"), b"poison")
    put(event("b", "view"), topic="views")
    result = run()
    found = shown(result)
    counts = {name: found[name] for name in ("read", "events", "duplicates", "dead_letters", "late", "lag", "lost")}
    assert counts == {"read": 4, "events": 2, "duplicates": 1, "dead_letters": 1, "late": 0, "lag": 0, "lost": 0}
    ends = {"ratings": [event("a"), event("a"), b"poison"], "views": [event("b", "view")]}
    assert found["offsets"] == {
        f"partition 0 of reco.{topic}": sum(len(line) + 1 for line in lines) for topic, lines in ends.items()
    }
    assert [record.data["topic"] for record in found["topics"].records] == ["reco.ratings", "reco.views"]
    assert failed(result) == {"no_dead_letters": "1 messages were no event: no_json_object 1"}


def test_where_there_are_no_events_the_assets_are_made_all_the_same_so_that_what_follows_is(run: Callable) -> None:
    result = run()
    assert result.success
    assert shown(result)["read"] == 0
    assert "delta_version" not in shown(result)
    assert failed(result) == {}


def test_both_tables_are_recorded_when_one_is_asked_for_as_both_are_written(run: Callable, put: Callable) -> None:
    put(event("a"))
    keys = {
        made.asset_key.to_user_string() for made in run("events/log").asset_materializations_for_node("extract_events")
    }
    assert keys == {"events/log", "events/dead_letters"}


def test_lost_messages_fail_a_check_and_stop_nothing(
    run: Callable, put: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(event("a"))
    gap = Gap(Partition("t", "reco.ratings", 1, 9, 9), 4, 5)
    monkeypatch.setattr(assets, "extract", lambda lakehouse: extract(lakehouse) + Extracted(gaps=[gap]))
    result = run()
    assert result.success
    where = "5 messages of partition 1 of reco.ratings from offset 4 on"
    assert failed(result) == {"nothing_lost": f"{where} were older than the broker keeps them, and are lost."}
    assert shown(result)["lost"] == 5


def test_a_message_that_is_nowhere_stops_what_follows(run: Callable, put: Callable, monkeypatch: Any) -> None:
    put(event("a"))
    monkeypatch.setattr(assets, "extract", lambda lakehouse: extract(lakehouse) + Extracted(written=1))
    result = run()
    assert not result.success
    assert "messages_conserved" in failed(result)

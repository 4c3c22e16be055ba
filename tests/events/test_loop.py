"""The loop takes events as they come, and ends in good order."""

from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import dagster as dg
import pytest

from reco_assets.events.extraction import loop
from reco_assets.events.extraction.assets import report
from reco_assets.events.extraction.counts import Extracted
from reco_assets.events.extraction.extract import extract
from reco_assets.events.extraction.messages import EventsError, Gap, Partition
from resources.dagster_home import open_instance
from resources.tables.lakehouse import Lakehouse
from tests.events.conftest import Lake, event


class Watched:
    """A loop in a thread, with what it says and reports; `said` waits until it has said something more."""

    def __init__(self, lakehouse: Lakehouse) -> None:
        self.told: list[str] = []
        self.reports: list[Extracted] = []
        self.ended, self._more, self.total = Event(), Event(), Extracted()
        self._thread = Thread(target=self._run, args=[lakehouse])
        self._thread.start()

    def _run(self, lakehouse: Lakehouse) -> None:
        self.total = loop.stream(lakehouse, self.ended, self._tell, self.reports.append)

    def _tell(self, line: str) -> None:
        self.told.append(line)
        self._more.set()

    def said(self) -> str:
        assert self._more.wait(30)
        self._more.clear()
        return self.told[-1]

    def end(self) -> None:
        self.ended.set()
        self._thread.join(30)


@pytest.fixture
def watched(make_lakehouse: Callable[..., Lakehouse]) -> Any:
    watched = Watched(make_lakehouse(events_poll_seconds=0.05))
    yield watched
    watched.end()


def test_events_are_taken_as_they_come_until_somebody_ends_it(watched: Watched, put: Callable, lake: Lake) -> None:
    put(event("a"), b"poison")
    assert watched.said() == "2 messages: 1 new, 0 duplicates, 1 dead letters"
    put(event("b"))
    assert watched.said() == "1 messages: 1 new, 0 duplicates, 0 dead letters"
    watched.end()
    assert lake.ids == ["a", "b"]
    assert watched.total.read.total() == 3
    assert [done.read.total() for done in watched.reports] == [3]


def test_a_source_that_is_away_is_told_of_once_and_asked_again(
    watched: Watched, put: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Event()

    def away(_: Lakehouse) -> Extracted:
        if len(watched.told) == 1 and not asked.is_set():
            asked.set()
        raise EventsError("the broker is away")

    monkeypatch.setattr(loop, "extract", away)
    assert watched.said() == "the broker is away"
    assert asked.wait(30)
    monkeypatch.setattr(loop, "extract", extract)
    put(event("a"))
    assert watched.said().startswith("1 messages")
    assert watched.told.count("the broker is away") == 1


def test_lost_messages_are_told_and_reported_at_once_also_where_nothing_came_behind_them(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = [Extracted(gaps=[Gap(Partition("t", "reco.ratings", 0, 42, 42), 2, 40)])]
    monkeypatch.setattr(loop, "extract", lambda _: lost.pop() if lost else Extracted())
    assert watched.said().startswith("40 messages of partition 0 of reco.ratings from offset 2 on were older")
    watched.end()
    assert [[gap.lost for gap in done.gaps] for done in watched.reports] == [[40]]


def test_what_a_loop_took_is_shown_in_dagit_and_lost_messages_as_a_failed_check(
    home: Any, lakehouse: Lakehouse, put: Callable
) -> None:
    put(event("a"))
    done = extract(lakehouse) + Extracted(gaps=[Gap(Partition("t", "reco.ratings", 0, 5, 9), 2, 3)])
    report(lakehouse, done)
    with open_instance() as instance:
        key = dg.AssetKey(["events", "log"])
        made = instance.get_latest_materialization_event(key)
        assert made is not None
        assert made.asset_materialization is not None
        assert made.asset_materialization.metadata["events"].value == 1
        check = dg.AssetCheckKey(key, "nothing_lost")
        found = instance.event_log_storage.get_latest_asset_check_execution_by_key([check])[check]
        assert found.status.value == "FAILED"

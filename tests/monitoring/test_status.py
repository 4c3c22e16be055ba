"""`reco status`: each section says what is, and one that can't be read hides no other."""

import json
from collections.abc import Iterable
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from reco_assets.drift.reports import write_report
from reco_assets.monitoring.figures import Place
from reco_assets.monitoring.status import HEARD_SECONDS, NO_DAEMON, NO_HOME, daemon, failed_run, status
from reco_assets.tables import NEWEST_DRIFT_REPORT
from resources.settings import load_settings

NOW = 2_000_000_000.0
REPORT = {"report_id": "r1", "should_retrain": True, "reason": "mean", "drift_score": 1.5, "model_version": "v"}


@pytest.fixture
def instance() -> Iterable[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
def place(tmp_path: Path, instance: dg.DagsterInstance) -> Place:
    return Place(load_settings(lakehouse_path=tmp_path / "lake", streaming_path=tmp_path / "landing"), instance, NOW)


def test_of_a_platform_that_made_nothing_every_section_is_empty_or_zero(place: Place) -> None:
    found = status(place)
    assert [found[name] for name in ("champion", "lists", "drift", "last_failed_run")] == [{}, {}, {}, {}]
    assert found["batches"] == {"waiting": 0, "ratings": 0}
    assert json.loads(json.dumps(found)) == found


def test_a_section_that_cannot_be_read_says_why_and_hides_no_other(place: Place) -> None:
    path = place.settings.storage.root / NEWEST_DRIFT_REPORT
    path.parent.mkdir(parents=True)
    path.write_text("{")
    found = status(place)
    assert str(path) in found["drift"]["error"]
    assert all("error" not in section for name, section in found.items() if name != "drift")


def test_the_newest_drift_report_is_told_with_its_page(place: Place) -> None:
    _, page = write_report(place.settings, REPORT, "<html></html>")
    found = status(place)["drift"]
    assert (found["score"], found["should_retrain"], found["reason"]) == (1.5, True, "mean")
    assert found["page"] == str(page)


def test_a_file_that_is_not_taken_is_told_with_its_reason(place: Place) -> None:
    place.settings.storage.landing.mkdir(parents=True)
    (place.settings.storage.landing / "new.csv.gz").write_bytes(b"x")
    (line,) = status(place)["files"]["not_taken"]
    assert "new.csv.gz: it is compressed" in line


def test_of_the_newest_failed_run_the_step_and_its_own_message_are_told(place: Place) -> None:
    @dg.op
    def work() -> None:
        raise ValueError("the disk is full")

    @dg.job
    def nightly() -> None:
        work()

    nightly.execute_in_process(instance=place.instance, raise_on_error=False)
    found = failed_run(place)
    assert (found["job"], found["why"]) == ("nightly", "work: the disk is full")


def test_without_a_home_the_daemon_is_not_looked_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert daemon(place) == {"alive": False, "problem": NO_HOME}


@pytest.mark.parametrize(("ago", "alive"), [(HEARD_SECONDS - 1, True), (HEARD_SECONDS + 1, False)])
def test_a_daemon_that_was_not_heard_for_two_minutes_is_dead(
    place: Place, monkeypatch: pytest.MonkeyPatch, ago: int, alive: bool
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "/somewhere")
    place.instance.add_daemon_heartbeat(DaemonHeartbeat(NOW - ago, "SENSOR", None))
    found = daemon(place)
    assert found["alive"] is alive
    assert found.get("problem") == (None if alive else NO_DAEMON)

"""What pipelines simulate: some weeks first, then the days since, and nothing beside real ratings."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from reco_assets.events.simulation.daily import HISTORY_DAYS, simulate
from reco_assets.sources.remembered import Remembered, remember
from resources.settings import Settings, load_settings

TODAY = date(2026, 3, 1)
Make = Callable[..., Settings]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def settings(**given: object) -> Settings:
        return load_settings(lakehouse_path=tmp_path / "lake", synthetic_users=20, synthetic_movies=30, **given)

    return settings


def days(settings: Settings, topic: str = "reco.views") -> Counter[str]:
    """{day: how many events of it were written}."""
    files = (settings.storage.root / "events" / "files" / topic).glob("*.jsonl")
    return Counter(line.split("-", 2)[1] for file in files for line in file.read_text().splitlines())


def ids(settings: Settings, topic: str) -> set[str]:
    files = (settings.storage.root / "events" / "files" / topic).glob("*.jsonl")
    return {json.loads(line)["event_id"] for file in files for line in file.read_text().splitlines()}


def test_the_first_run_sends_weeks_and_the_next_one_the_days_since(make: Make) -> None:
    first = simulate(make(), TODAY)
    again = simulate(make(), TODAY)
    later = simulate(make(), TODAY + timedelta(2))
    assert (first["first_day"], first["end_day"]) == (str(TODAY - timedelta(HISTORY_DAYS)), str(TODAY))
    assert first["events"] == sum(first["topics"].values()) > 0
    assert (again["events"], again["skipped"]) == (0, f"the events of all days before {TODAY} were sent already")
    assert (later["first_day"], later["end_day"]) == ("2026-03-01", "2026-03-03")
    assert len(days(make(), "reco.movies")) == 1


def test_after_a_long_pause_only_the_last_weeks_are_sent(make: Make) -> None:
    simulate(make(), TODAY)
    assert simulate(make(), TODAY + timedelta(400))["first_day"] == str(TODAY + timedelta(400 - HISTORY_DAYS))


def test_with_other_numbers_of_users_a_new_simulation_begins(make: Make) -> None:
    simulate(make(), TODAY)
    other = make().changed(synthetic_users=21)
    assert simulate(other, TODAY)["first_day"] == str(TODAY - timedelta(HISTORY_DAYS))


def test_where_events_go_elsewhere_the_same_people_go_on_with_the_same_ids(make: Make) -> None:
    simulate(make(), TODAY)
    elsewhere = make().changed(events_topic_prefix="other.")
    simulate(elsewhere, TODAY + timedelta(1))
    before, after = ids(make(), "reco.views"), ids(elsewhere, "other.views")
    assert len(before & after) > 0.9 * len(before)
    assert len(after - before) > 0


@pytest.mark.parametrize("note", [None, "{"])
def test_without_its_note_the_days_are_sent_again_with_the_same_ids(make: Make, note: str | None) -> None:
    simulate(make(), TODAY)
    before = ids(make(), "reco.views")
    path = make().storage.root / "events" / "simulated.json"
    path.write_text(note) if note else path.unlink()
    again = simulate(make(), TODAY + timedelta(1))
    assert again["first_day"] == str(TODAY - timedelta(HISTORY_DAYS - 1))
    new = ids(make(), "reco.views") - before
    assert {event.split("-")[1] for event in new} == {TODAY.strftime("%Y%m%d")}
    assert len(ids(make(), "reco.movies")) == 30


@pytest.mark.parametrize("source", ["movielens", "netflix"])
def test_nothing_is_simulated_beside_real_ratings(make: Make, source: str) -> None:
    remember(make().storage.root, Remembered(kind=source, folder="somewhere"))
    done = simulate(make(), TODAY)
    assert done["events"] == 0
    assert done["skipped"].startswith(f"this lakehouse holds ratings from {source}, and simulated events would mix")
    assert "EVENTS_SIMULATE=on" in done["skipped"]


def test_nothing_is_simulated_where_real_ratings_are_configured_and_not_yet_loaded(make: Make, tmp_path: Path) -> None:
    done = simulate(make(reco_source_path=tmp_path), TODAY)
    assert f"the ratings come from movielens ({tmp_path})" in done["skipped"]


def test_events_are_simulated_beside_synthetic_ratings(make: Make) -> None:
    remember(make().storage.root, Remembered(kind="synthetic"))
    assert simulate(make(), TODAY)["events"] > 0


def test_who_says_on_has_them_beside_real_ratings_too(make: Make) -> None:
    remember(make().storage.root, Remembered(kind="movielens", folder="somewhere"))
    assert simulate(make(events_simulate="on"), TODAY)["events"] > 0


def test_who_says_off_has_none(make: Make) -> None:
    assert simulate(make(events_simulate="off"), TODAY)["skipped"] == "EVENTS_SIMULATE is off"

"""Events come from files into the lake once each, whatever stands in the files and whatever ends an extraction."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reco_assets.events.extraction.extract import STEPS, extract
from reco_assets.events.extraction.file_reader import FileSource
from reco_assets.events.extraction.messages import EventsError
from resources.tables.lakehouse import Lakehouse
from tests.events.conftest import Lake, event

EXTRACT = "reco_assets.events.extraction.extract:extract"


def test_where_there_is_nothing_to_extract_from_nothing_is_made(lakehouse: Lakehouse) -> None:
    assert extract(lakehouse).read.total() == 0
    assert not lakehouse.exists("events/log")


def test_a_data_lake_that_can_be_no_folder_is_an_error_and_no_day_without_events(
    lakehouse: Lakehouse, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    elsewhere = Lakehouse.open(lakehouse.settings.changed(data_lake_path=tmp_path / "file"))
    with pytest.raises(EventsError, match=r"The data lake can't lie at .*/file: File exists. Set DATA_LAKE_PATH"):
        extract(elsewhere)


@pytest.mark.both_engines
def test_an_event_lies_in_the_log_with_its_place_and_by_its_day(
    lakehouse: Lakehouse, put: Callable, lake: Lake
) -> None:
    put(event("a"), event("b", event_ts="2026-01-03T00:30:00+01:00", user_id=8), partition=2)
    extract(lakehouse)
    rows = {row["event_id"]: row for row in lakehouse.read("events/log").toArrow().to_pylist()}
    assert (rows["a"]["topic"], rows["a"]["partition"], rows["a"]["offset"]) == ("reco.ratings", 2, 0)
    assert rows["b"]["offset"] == len(event("a")) + 1
    assert [str(rows[name]["event_date"]) for name in "ab"] == ["2026-01-02", "2026-01-02"]
    assert (rows["b"]["user_id"], rows["b"]["movie_id"], rows["b"]["rating"]) == (8, 3, 4.5)


def test_all_topics_are_extracted_and_counted_by_topic(lakehouse: Lakehouse, put: Callable, lake: Lake) -> None:
    for kind in ("user", "movie", "view", "click", "rating"):
        put(event(kind, kind), topic=f"{kind}s")
    done = extract(lakehouse)
    assert done.events == Counter(dict.fromkeys([f"reco.{kind}s" for kind in lake.ids], 1))
    assert lake.ids == ["click", "movie", "rating", "user", "view"]


def test_a_second_extraction_takes_only_what_has_come_since(lakehouse: Lakehouse, put: Callable, lake: Lake) -> None:
    put(event("a"))
    extract(lakehouse)
    version = lakehouse.version("events/log")
    assert extract(lakehouse).read.total() == 0
    assert lakehouse.version("events/log") == version
    put(event("b"))
    assert extract(lakehouse).read.total() == 1
    assert lake.ids == ["a", "b"]


def test_a_poison_message_is_a_dead_letter_with_its_bytes_and_stops_nothing(
    lakehouse: Lakehouse, put: Callable, lake: Lake
) -> None:
    poison = b"\xff\x00{not json"
    put(event("a"), poison, event("low", rating=0.3), event("b"))
    done = extract(lakehouse)
    assert lake.ids == ["a", "b"]
    assert [(letter["raw"], letter["reasons"]) for letter in lake.letters] == [
        (poison, ["no_json_object"]),
        (event("low", rating=0.3), ["invalid_rating"]),
    ]
    assert done.conserved
    assert (done.read.total(), done.dead_letters.total()) == (4, 2)


def test_an_event_id_that_comes_again_is_dropped_and_counted(lakehouse: Lakehouse, put: Callable, lake: Lake) -> None:
    put(event("a"), event("a"))
    put(event("b"), partition=1)
    assert extract(lakehouse).duplicates.total() == 1
    put(event("a", event_ts="2026-02-02T10:00:00Z"), event("c"), partition=1)
    done = extract(lakehouse)
    assert (done.duplicates.total(), done.events.total(), done.conserved) == (1, 1, True)
    assert lake.ids == ["a", "b", "c"]


def test_a_late_event_goes_to_its_own_day_and_is_counted(lakehouse: Lakehouse, put: Callable, lake: Lake) -> None:
    put(event("new", event_ts="2026-03-03T10:00:00Z"))
    assert extract(lakehouse).late.total() == 0
    put(event("late", event_ts="2026-03-01T10:00:00Z"), event("same day", event_ts="2026-03-03T00:00:00Z"))
    assert extract(lakehouse).late.total() == 1
    assert {row["event_id"]: str(row["event_date"]) for row in lake.rows}["late"] == "2026-03-01"


def test_a_change_of_schema_loses_nothing(lakehouse: Lakehouse, put: Callable, lake: Lake) -> None:
    put(event("old"), event("new", schema_version=2, device={"os": "tv"}, mood=None))
    extract(lakehouse)
    assert {row["event_id"]: row["extra"] for row in lake.rows} == {
        "old": None,
        "new": '{"device":{"os":"tv"},"mood":null,"schema_version":2}',
    }


def test_a_run_takes_no_more_than_it_may_and_the_next_ones_the_rest(
    make_lakehouse: Callable[..., Lakehouse], put: Callable, lake: Lake
) -> None:
    lakehouse = make_lakehouse(events_max_per_run=4)
    put(*(event(f"a{number}") for number in range(7)))
    put(event("b"), partition=2)
    done = [extract(lakehouse) for _ in range(3)]
    assert [(each.read.total(), each.lag.total()) for each in done] == [(4, 4), (4, 0), (0, 0)]
    assert len(lake.ids) == 8


def test_a_line_that_is_still_written_waits_for_its_end(lakehouse: Lakehouse, put: Callable, lake: Lake) -> None:
    path = put(event("a"))
    with path.open("ab") as file:
        file.write(event("b")[:20])
    extract(lakehouse)
    with path.open("ab") as file:
        file.write(event("b")[20:] + b"\n")
    assert extract(lakehouse).dead_letters.total() == 0
    assert lake.ids == ["a", "b"]


def test_a_file_that_was_cut_is_read_again_and_doubles_nothing(lakehouse: Lakehouse, put: Callable, lake: Lake) -> None:
    path = put(event("a"), event("b"))
    extract(lakehouse)
    path.write_bytes(event("a") + b"\n")
    done = extract(lakehouse)
    assert (done.reread, done.duplicates.total()) == (["partition 0 of reco.ratings"], 1)
    put(event("c"))
    extract(lakehouse)
    assert lake.ids == ["a", "b", "c"]


def test_another_file_in_the_place_of_one_is_read_from_its_start(
    lakehouse: Lakehouse, put: Callable, lake: Lake
) -> None:
    path = put(event("a"))
    extract(lakehouse)
    path.unlink()
    put(event("longer than a"), event("b"))
    extract(lakehouse)
    assert lake.ids == ["a", "b", "longer than a"]


def test_a_file_that_is_no_partition_is_named(lakehouse: Lakehouse, put: Callable) -> None:
    put(event("a"), partition="copy")  # type: ignore[arg-type]
    with pytest.raises(EventsError, match=r"copy\.jsonl is no partition of a topic"):
        extract(lakehouse)


def test_the_lake_may_lie_elsewhere(make_lakehouse: Callable[..., Lakehouse], tmp_path, put: Callable) -> None:
    put(event("a"))
    source = FileSource(make_lakehouse().path("events/files"))
    elsewhere = make_lakehouse(data_lake_path=tmp_path / "lake of events")
    extract(elsewhere, [source])
    assert Lake(elsewhere).ids == ["a"]
    assert (tmp_path / "lake of events" / "log" / "_delta_log").is_dir()
    assert not make_lakehouse().exists("events/log")


@pytest.mark.parametrize("step", STEPS)
def test_an_extraction_killed_at_any_step_is_finished_by_the_next_one(
    lakehouse: Lakehouse, put: Callable, lake: Lake, run_apart: Callable, step: str
) -> None:
    put(event("a"), b"poison", event("b"), event("a"))
    [ended] = run_apart(EXTRACT, lakehouse, crash_at=[step])
    assert ended.code == -9
    put(event("c"), b"more poison")
    extract(lakehouse)
    assert lake.ids == ["a", "b", "c"]
    assert sorted(letter["raw"] for letter in lake.letters) == [b"more poison", b"poison"]


def test_two_extractions_at_once_take_each_event_once(
    make_lakehouse: Callable[..., Lakehouse], put: Callable, lake: Lake, run_apart: Callable
) -> None:
    put(*(event(str(number)) for number in range(500)), b"poison")
    ended = run_apart(EXTRACT, make_lakehouse(events_max_per_run=400), crash_at=["", ""])
    assert [one.code for one in ended] == [0, 0]
    assert lake.ids == sorted(map(str, range(500)))
    assert len(lake.letters) == 1


MESSAGES = st.lists(
    st.one_of(st.integers(0, 9).map(lambda number: event(f"e{number}")), st.just(b"poison"), st.just(b"{}")),
    max_size=12,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), MESSAGES), max_size=4), st.integers(1, 9))
def test_every_message_is_an_event_a_duplicate_or_a_dead_letter(
    tmp_path_factory: pytest.TempPathFactory, make_lakehouse: Callable, parts: list, most: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    lakehouse = make_lakehouse(data_lake_path=folder, events_max_per_run=most)
    read = 0
    for partition, messages in parts:
        path = folder / "files" / "reco.ratings" / f"{partition}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.writelines(message + b"\n" for message in messages)
        done = extract(lakehouse)
        assert done.conserved
        read += done.read.total()
    while (done := extract(lakehouse)).read:
        read += done.read.total()
    sent = [message for _, messages in parts for message in messages]
    good = {message for message in sent if b"event_id" in message}
    assert read == len(sent)
    if sent:
        lake = Lake(lakehouse)
        assert len(lake.ids) == len(set(lake.ids)) == len(good)
        assert len(lake.letters) == sum(b"event_id" not in message for message in sent)


def test_a_good_event_where_a_dead_letter_lay_in_a_file_that_was_cut_is_not_taken_for_it(
    lakehouse: Lakehouse, put: Callable, lake: Lake
) -> None:
    path = put(event("a"), b"poison", event("z"))
    extract(lakehouse)
    path.write_bytes(event("a") + b"\n")
    extract(lakehouse)
    put(event("b"), event("c"), event("d"))
    done = extract(lakehouse)
    assert (done.dead_letters.total(), done.conserved) == (0, True)
    assert lake.ids == ["a", "b", "c", "d", "z"]


def test_a_dead_letter_that_is_read_again_is_one_dead_letter(lakehouse: Lakehouse, put: Callable, lake: Lake) -> None:
    path = put(event("a"), b"poison", event("z"))
    extract(lakehouse)
    path.write_bytes(event("a") + b"\npoison\n")
    assert extract(lakehouse).reread
    assert len(lake.letters) == 1


def test_how_much_waits_may_be_unknown_after_all_was_taken(
    lakehouse: Lakehouse, put: Callable, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(event("a"))

    def away(*_: object) -> None:
        raise EventsError("the broker is away")

    monkeypatch.setattr("reco_assets.events.extraction.extract.backlog", away)
    with pytest.warns(UserWarning, match="How many messages wait is not known: the broker is away"):
        assert extract(lakehouse).events.total() == 1

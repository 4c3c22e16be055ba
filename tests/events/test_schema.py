"""Raw messages are rows, or are refused with reasons that can be counted."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco_assets.events.schema import EVENT_COLUMNS, EVENT_TYPES, Parsed, parse, topics

LATEST = datetime(2026, 6, 1, tzinfo=UTC)
COMMON = {"event_ts": "2026-01-02T23:30:00-02:00", "schema_version": 1}
EXAMPLES: dict[str, dict[str, Any]] = {
    "user": {"user_id": 7, "country": "NO"},
    "movie": {"movie_id": 3, "title": "Heat (1995)", "genres": "Action|Crime"},
    "view": {"user_id": 7, "movie_id": 3, "session_id": "s1", "position": 2},
    "click": {"user_id": 7, "movie_id": 3, "session_id": "s1", "dwell_seconds": 12.5},
    "rating": {"user_id": 7, "movie_id": 3, "session_id": "s1", "rating": 4.5},
}


def message(kind: str = "rating", **changed: Any) -> bytes:
    event = {"event_id": f"{kind}-1", "event_type": kind, **COMMON, **EXAMPLES[kind], **changed}
    return json.dumps({name: value for name, value in event.items() if value is not ...}).encode()


def read(*messages: bytes | None, kind: str = "rating") -> Parsed:
    return parse(messages, EVENT_TYPES[kind], LATEST)


def test_each_type_has_a_topic_of_its_own_behind_the_prefix() -> None:
    found = topics("reco.")
    assert found["reco.ratings"] is EVENT_TYPES["rating"]
    assert len(found) == len(EVENT_TYPES)
    assert all(topic.startswith("reco.") for topic in found)


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_an_event_of_each_type_is_a_row_with_the_declared_columns(kind: str) -> None:
    parsed = read(message(kind), kind=kind)
    assert parsed.rows.schema == EVENT_COLUMNS
    assert (parsed.positions, parsed.refused) == ([0], {})


def test_a_rating_has_its_values_and_the_date_of_its_moment_in_utc() -> None:
    assert read(message()).rows.to_pylist() == [
        {
            "event_id": "rating-1",
            "event_type": "rating",
            "user_id": 7,
            "movie_id": 3,
            "rating": 4.5,
            "session_id": "s1",
            "event_ts": datetime(2026, 1, 3, 1, 30, tzinfo=UTC),
            "title": None,
            "genres": None,
            "extra": None,
            "event_date": date(2026, 1, 3),
        }
    ]


def test_what_has_no_column_is_kept_as_json() -> None:
    rows = read(message("click", device={"kind": "tv"}), kind="click").rows
    assert json.loads(rows["extra"][0].as_py()) == {"dwell_seconds": 12.5, "device": {"kind": "tv"}}


def test_a_later_schema_version_is_taken_and_kept_as_long_as_the_known_fields_are_as_declared() -> None:
    rows = read(message(schema_version=2, mood="good")).rows
    assert json.loads(rows["extra"][0].as_py()) == {"mood": "good", "schema_version": 2}


def test_rows_say_which_message_they_were() -> None:
    parsed = read(b"{", message(), None, message())
    assert parsed.positions == [1, 3]
    assert parsed.refused == {0: ["no_json_object"], 2: ["no_json_object"]}


@pytest.mark.parametrize(
    ("changed", "reasons"),
    [
        ({"event_id": ...}, ["missing_event_id"]),
        ({"event_id": ""}, ["invalid_event_id"]),
        ({"event_type": "view"}, ["invalid_event_type"]),
        ({"event_ts": "2026-01-02T23:30:00"}, ["invalid_event_ts"]),  # whose clock?
        ({"event_ts": 1_767_400_000}, ["invalid_event_ts"]),
        ({"event_ts": "1767400000"}, ["invalid_event_ts"]),
        ({"event_ts": "1969-12-31T23:59:59Z"}, ["invalid_event_ts"]),
        ({"event_ts": "2026-06-01T00:00:00.000001Z"}, ["future_event_ts"]),
        ({"schema_version": 0}, ["invalid_schema_version"]),
        ({"user_id": "7"}, ["invalid_user_id"]),
        ({"user_id": True}, ["invalid_user_id"]),
        ({"user_id": -1, "movie_id": 2**31}, ["invalid_user_id", "invalid_movie_id"]),
        ({"rating": 4.3}, ["invalid_rating"]),
        ({"rating": 0}, ["invalid_rating"]),
        ({"rating": None}, ["invalid_rating"]),
    ],
)
def test_a_field_that_breaks_its_declaration_is_named(changed: dict[str, Any], reasons: list[str]) -> None:
    assert read(message(**changed)).refused == {0: reasons}


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"null", b"{'a': 1}", b"\xff\xfe", b'{"a": "\\ud800"}', b"[" * 100_000, b'{"a": 1' + b"0" * 5_000],
)
def test_what_is_no_json_object_is_refused_as_that(raw: bytes) -> None:
    assert read(raw).refused == {0: ["no_json_object"]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ANY_MESSAGE = (
    st.none()
    | st.binary(max_size=50)
    | st.dictionaries(st.sampled_from([*EVENT_COLUMNS.names, "schema_version"]) | st.text(max_size=5), JSON).map(
        lambda changed: message(**changed)
    )
)


@given(messages=st.lists(ANY_MESSAGE, max_size=5), kind=st.sampled_from(sorted(EVENT_TYPES)))
def test_whatever_comes_each_message_is_a_row_or_refused_with_reasons(messages: list[bytes | None], kind: str) -> None:
    parsed = parse(messages, EVENT_TYPES[kind], LATEST)
    assert sorted([*parsed.positions, *parsed.refused]) == list(range(len(messages)))
    assert parsed.rows.num_rows == len(parsed.positions)
    assert all(parsed.refused.values())
    assert all(json.loads(extra) for extra in parsed.rows["extra"].to_pylist() if extra)

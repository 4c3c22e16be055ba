"""What an event is: its types, their topics and fields; and raw messages as typed rows, or the reasons why not. Pure.

A message is one JSON object in UTF-8. Fields that its type doesn't declare are kept as they came, in `extra`, so that
who sends more than is known here loses nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,  # pydantic takes those of typing from Python 3.12 on
)

import pyarrow as pa
import pyarrow.compute as pac
from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from pydantic_core import to_json
from typing_extensions import TypedDict

from reco_assets.vocabulary import HIGHEST_RATING, INT32_MAX, LOWEST_RATING, RATING_STEP

SCHEMA_VERSION = 1
PARTITIONS = 3  # of each topic

_TEXT_LENGTH = 1_000
_Text = Annotated[str, Field(max_length=_TEXT_LENGTH)]
_Name = Annotated[str, Field(min_length=1, max_length=_TEXT_LENGTH)]
_Key = Annotated[int, Field(ge=0, le=INT32_MAX)]  # 0 as in the rules of silver


def _is_a_date(value: Any) -> Any:
    """What came. Raises `ValueError` for a number, also in quotes, which pydantic would take for Unix seconds."""
    if not (isinstance(value, str) and value[4:5] == "-"):
        raise ValueError("a time in ISO 8601")
    return value


_Moment = Annotated[
    AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), strict=False), BeforeValidator(_is_a_date)
]
_Version = Annotated[int, Field(ge=1)]
_Stars = Annotated[float, Field(ge=LOWEST_RATING, le=HIGHEST_RATING, multiple_of=RATING_STEP)]
_Seconds = Annotated[float, Field(ge=0)]

# Strict: "5" is no number and 5 no text. A later schema_version is welcome where the fields known here are.
_declared = with_config(ConfigDict(strict=True, extra="allow", allow_inf_nan=False))


@_declared
class UserEvent(TypedDict):
    """Somebody has signed up."""

    event_id: _Name
    event_type: Literal["user"]
    event_ts: _Moment
    schema_version: _Version
    user_id: _Key
    country: NotRequired[_Text | None]


@_declared
class MovieEvent(TypedDict):
    """A movie has come into the catalogue; genres as in MovieLens, "Comedy|Drama"."""

    event_id: _Name
    event_type: Literal["movie"]
    event_ts: _Moment
    schema_version: _Version
    movie_id: _Key
    title: _Name
    genres: NotRequired[_Text | None]


@_declared
class ViewEvent(TypedDict):
    """A movie was shown to a user, at a position of a list (1 is the first)."""

    event_id: _Name
    event_type: Literal["view"]
    event_ts: _Moment
    schema_version: _Version
    user_id: _Key
    movie_id: _Key
    session_id: _Name
    position: NotRequired[_Version | None]


@_declared
class ClickEvent(TypedDict):
    """A user has opened the page of a movie that was shown, and stayed so many seconds."""

    event_id: _Name
    event_type: Literal["click"]
    event_ts: _Moment
    schema_version: _Version
    user_id: _Key
    movie_id: _Key
    session_id: _Name
    dwell_seconds: NotRequired[_Seconds | None]


@_declared
class RatingEvent(TypedDict):
    """A user has rated a movie, in half stars from 0.5 to 5."""

    event_id: _Name
    event_type: Literal["rating"]
    event_ts: _Moment
    schema_version: _Version
    user_id: _Key
    movie_id: _Key
    rating: _Stars
    session_id: NotRequired[_Name | None]


@dataclass(frozen=True)
class EventType:
    """One type of event: its name in `event_type`, the end of its topic's name, and the field that keys messages.

    Messages of one key are in one partition, in the order in which they were sent.
    """

    name: str
    topic: str
    key: str
    fields: type[Any]

    @property
    def columns(self) -> tuple[str, ...]:
        """Its fields that are columns of `EVENT_COLUMNS`, in their order; the others are in `extra`."""
        return tuple(name for name in EVENT_COLUMNS.names if name in self.fields.__annotations__)


EVENT_COLUMNS = pa.schema(
    {
        "event_id": pa.string(),
        "event_type": pa.string(),
        "user_id": pa.int32(),
        "movie_id": pa.int32(),
        "rating": pa.float32(),
        "session_id": pa.string(),
        "event_ts": pa.timestamp("us", tz="UTC"),
        "title": pa.string(),
        "genres": pa.string(),
        "extra": pa.string(),
        "event_date": pa.date32(),
    }
)
EVENT_TYPES = {
    kind.name: kind
    for kind in (
        EventType("user", "users", "user_id", UserEvent),
        EventType("movie", "movies", "movie_id", MovieEvent),
        EventType("view", "views", "user_id", ViewEvent),
        EventType("click", "clicks", "user_id", ClickEvent),
        EventType("rating", "ratings", "user_id", RatingEvent),
    )
}
_READERS = {name: TypeAdapter(kind.fields) for name, kind in EVENT_TYPES.items()}


def topics(prefix: str) -> dict[str, EventType]:
    """{topic: the type of its events} where topics' names begin with the prefix."""
    return {f"{prefix}{kind.topic}": kind for kind in EVENT_TYPES.values()}


@dataclass(frozen=True)
class Parsed:
    """What n messages are: `rows` with `EVENT_COLUMNS`, the position among the messages of each row, and {position:
    reasons} of the others. Positions are from 0 and ascend.
    """

    rows: pa.Table
    positions: list[int]
    refused: dict[int, list[str]]


def parse(messages: Sequence[bytes | None], kind: EventType, latest: datetime) -> Parsed:
    """Read messages of one topic as rows, each in one place: a row, or refused with its reasons.

    Args:
        messages: Raw values as they lie in the topic; None is a value that a topic has without content.
        kind: The type that the topic's events have.
        latest: Events later than that are refused as of the future; with a time zone.

    Reasons are words that can be counted: `no_json_object`, `missing_<field>`, `invalid_<field>`, `future_event_ts`.
    """
    read, refused = _READERS[kind.name].validate_json, dict[int, list[str]]()
    positions, events = list[int](), list[dict[str, Any]]()
    for position, message in enumerate(messages):
        try:
            event = read(message or b"")
        except ValidationError as error:
            refused[position] = _reasons(error)
            continue
        if event["event_ts"] > latest:
            refused[position] = ["future_event_ts"]
            continue
        positions.append(position)
        events.append(event)
    return Parsed(_rows(events, kind), positions, refused)


def _reasons(error: ValidationError) -> list[str]:
    """The words for what a message breaks, each once, in the order of the declared fields."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return list(dict.fromkeys(_reason(str(each["type"]), each["loc"]) for each in found))


def _reason(broken: str, place: tuple[int | str, ...]) -> str:
    if not place:
        return "no_json_object"
    return f"{'missing' if broken == 'missing' else 'invalid'}_{place[0]}"


def _rows(events: list[dict[str, Any]], kind: EventType) -> pa.Table:
    columns = kind.columns
    known = {*columns, "schema_version"}
    made = {name: pa.array([event.get(name) for event in events], EVENT_COLUMNS.field(name).type) for name in columns}
    made["extra"] = pa.array([_extra(event, known) for event in events], pa.string())
    made["event_date"] = pac.cast(made["event_ts"], pa.date32())
    absent = {name: pa.nulls(len(events), EVENT_COLUMNS.field(name).type) for name in EVENT_COLUMNS.names}
    return pa.table(absent | made, EVENT_COLUMNS)


def _extra(event: dict[str, Any], known: set[str]) -> str | None:
    """The fields that have no column, as JSON text; None where there are none.

    A later schema_version is among them: it may change the meaning of the rest.
    """
    rest = {name: value for name, value in event.items() if name not in known}
    if event["schema_version"] != SCHEMA_VERSION:
        rest["schema_version"] = event["schema_version"]
    return to_json(rest, inf_nan_mode="strings").decode() if rest else None

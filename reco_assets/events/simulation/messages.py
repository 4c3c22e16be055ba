"""What a town's people do, as messages of each type; ids are made of the plan, the day and a number. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from pydantic_core import to_json

from reco_assets.events.schema import EVENT_TYPES, SCHEMA_VERSION, EventType
from reco_assets.events.simulation.funnel import Day, live_through
from reco_assets.events.simulation.people import FIRST_USER, Town
from reco_assets.sources.synthetic import catalogue

Fields = Mapping[str, Iterable[Any]]
COUNTRIES = ("US", "GB", "DE", "FR", "BR", "IN", "JP", "NO")


@dataclass(frozen=True)
class Outgoing:
    """Messages of one type in the order of time: the key and the raw value of each."""

    kind: EventType
    keys: list[str]
    values: list[bytes]


def introduction(town: Town, day: date) -> list[Outgoing]:
    """The movies, and the users who sign up, in the first minute of a day; with the same ids on whichever day."""
    titles, genres = catalogue(town.plan.shape, town.movies)
    movies: Fields = {"movie_id": range(1, len(titles) + 1), "title": titles, "genres": genres}
    numbers = np.arange(town.plan.users)
    countries = [COUNTRIES[number % len(COUNTRIES)] for number in numbers]
    users: Fields = {"user_id": (FIRST_USER + numbers).tolist(), "country": countries}
    since = np.sort(numbers % 60)
    return [
        _messages(f"{town.plan.name}-movie", day, "movie", np.zeros(len(titles)), movies),
        _messages(f"{town.plan.name}-user", day, "user", since, users),
    ]


def messages_of(town: Town, day: date) -> list[Outgoing]:
    """The views, clicks and ratings of a day."""
    lived = live_through(town, day)
    return [_views(town, day, lived), *_reactions(town, day, lived)]


def _views(town: Town, day: date, lived: Day) -> Outgoing:
    fields = _visit(town, day, lived, np.arange(len(lived.session))) | {"position": lived.position.tolist()}
    return _messages(f"{_id(town, day)}-view", day, "view", lived.viewed, fields)


def _reactions(town: Town, day: date, lived: Day) -> list[Outgoing]:
    clicks, ratings = _in_order(lived.clicked), _in_order(lived.rated)
    dwell = np.where(np.isnan(lived.rated), 3.0 * lived.position, lived.rated - lived.clicked)[clicks]
    clicked = _visit(town, day, lived, clicks) | {"dwell_seconds": dwell.round(1).tolist()}
    rated = _visit(town, day, lived, ratings) | {"rating": lived.stars[ratings].tolist()}
    return [
        _messages(f"{_id(town, day)}-click", day, "click", lived.clicked[clicks], clicked),
        _messages(f"{_id(town, day)}-rating", day, "rating", lived.rated[ratings], rated),
    ]


def _in_order(moments: np.ndarray) -> np.ndarray:
    """The positions of what happened, in the order of time."""
    order = np.argsort(moments, kind="stable")
    return order[: len(moments) - int(np.isnan(moments).sum())]  # NaN is sorted to the end


def _visit(town: Town, day: date, lived: Day, rows: np.ndarray) -> dict[str, Iterable[Any]]:
    sessions, prefix = lived.session[rows], _id(town, day)
    return {
        "user_id": (FIRST_USER + lived.user[sessions]).tolist(),
        "movie_id": (1 + lived.movie[rows]).tolist(),
        "session_id": [f"{prefix}-{session}" for session in sessions.tolist()],
    }


def _messages(ids: str, day: date, name: str, seconds: np.ndarray, fields: Fields) -> Outgoing:
    kind = EVENT_TYPES[name]
    moments = np.datetime64(day, "ms") + (seconds * 1_000).astype("timedelta64[ms]")
    written = np.char.add(np.datetime_as_string(moments), "Z").tolist()
    names = tuple(fields)
    values = [
        to_json(
            {
                "event_id": f"{ids}-{number}",
                "event_type": name,
                "event_ts": moment,
                "schema_version": SCHEMA_VERSION,
                **dict(zip(names, given, strict=True)),
            }
        )
        for number, (moment, given) in enumerate(zip(written, zip(*fields.values(), strict=True), strict=True))
    ]
    return Outgoing(kind, [str(key) for key in fields[kind.key]], values)


def _id(town: Town, day: date) -> str:
    return f"{town.plan.name}-{day:%Y%m%d}"

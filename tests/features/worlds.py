"""Small worlds of events, and what is known in them by the plainest way to work it out: loops over what came before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from reco_assets.features.compute import Sources
from reco_assets.features.inputs import EVENTS, MOVIES, RATINGS

START = datetime(2020, 1, 1)
GENRES = ("Action", "Comedy", "Drama")
CATALOGUE = ((1, "One", ["Action", "Comedy"], 1990), (2, "Two", ["Drama"], None), (3, "Three", [], 2021))
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Event:
    """What a user did with a movie; `stars` where it was a rating."""

    user: int
    movie: int
    ts: datetime
    kind: str
    stars: float = 0.0


def moments() -> st.SearchStrategy[datetime]:
    """Few enough that things often happen in one second, or just before and after one."""
    return st.builds(
        lambda days, seconds: START + timedelta(days=days, seconds=seconds), st.integers(0, 400), st.integers(0, 2)
    )


def events() -> st.SearchStrategy[list[Event]]:
    """At least one rating, and no movie rated twice by a user in one second."""
    event = st.builds(
        lambda user, movie, ts, kind, half: Event(user, movie, ts, kind, half / 2 if kind == "rating" else 0.0),
        st.integers(1, 3),
        st.integers(1, 4),  # movie 4 is in no catalogue
        moments(),
        st.sampled_from(["rating", "rating", "view", "click"]),
        st.integers(1, 10),
    )
    some = st.lists(event, min_size=1, max_size=40, unique_by=lambda e: (e.user, e.movie, e.ts, e.kind))
    return some.filter(lambda found: any(each.kind == "rating" for each in found))


def sources(happened: Sequence[Event], catalogue: Sequence[tuple[Any, ...]] = CATALOGUE) -> Sources:
    """The events as tables: ratings of silver, the rest of the log."""
    rated = [each for each in happened if each.kind == "rating"]
    looked = [each for each in happened if each.kind != "rating"]
    return Sources(
        pa.Table.from_pylist([row(each) for each in rated], RATINGS),
        pa.Table.from_pylist([row(each) | {"kind": each.kind, "turn": 0} for each in looked], EVENTS),
        pa.Table.from_pylist([dict(zip(MOVIES.names, each, strict=True)) for each in catalogue], MOVIES),
    )


def row(event: Event) -> dict[str, Any]:
    return {"user_id": event.user, "movie_id": event.movie, "rating": event.stars, "ts": event.ts}


def known(happened: Sequence[Event], user: int, movie: int, at: datetime) -> dict[str, Any]:
    """Every feature of a user, a movie and both just before a moment."""
    past = [each for each in happened if each.ts < at]
    mine, its = [each for each in past if each.user == user], [each for each in past if each.movie == movie]
    of_movie = {each[0]: each for each in CATALOGUE}.get(movie, (movie, "", [], None))
    genres, year = of_movie[2:]
    shares, tastes = list(_shares(mine)), list(_tastes(mine))
    own = [GENRES.index(genre) for genre in genres]
    both = [each for each in mine if each.movie == movie]
    return {
        **_of_one("user", mine, at),
        "user_genre_share": shares,
        "user_genre_taste": tastes,
        **_of_one("movie", its, at),
        "movie_age": max(at.year - year, 0) if year else 0,
        "movie_genres": [float(genre in genres) for genre in GENRES],
        "pair_views": _count(both, "view"),
        "pair_clicks": _count(both, "click"),
        "pair_genre_share": sum(shares[at] for at in own) / len(own) if own else 0,
        "pair_genre_taste": sum(tastes[at] for at in own) / len(own) if own else 0,
    }


def _of_one(name: str, past: Sequence[Event], at: datetime) -> dict[str, float]:
    rated = [each for each in past if each.kind == "rating"]
    return {
        f"{name}_ratings": len(rated),
        f"{name}_mean_rating": (sum(each.stars for each in rated) + 5 * 3.5) / (len(rated) + 5),
        f"{name}_recent_ratings": sum(_half_after_a_month(at - each.ts) for each in rated),
        f"{name}_recency": max((_half_after_a_month(at - each.ts) for each in past), default=0),
        f"{name}_views": _count(past, "view"),
        f"{name}_clicks": _count(past, "click"),
    }


def _half_after_a_month(age: timedelta) -> float:
    return float(0.5 ** (age / (30 * DAY)))


def _count(past: Sequence[Event], kind: str) -> int:
    return sum(each.kind == kind for each in past)


def _of_genre(past: Sequence[Event], genre: str) -> list[float]:
    genres = {each[0]: each[2] for each in CATALOGUE}
    return [each.stars for each in past if each.kind == "rating" and genre in genres.get(each.movie, [])]


def _shares(past: Sequence[Event]) -> Iterator[float]:
    for genre in GENRES:
        yield len(_of_genre(past, genre)) / max(_count(past, "rating"), 1)


def _tastes(past: Sequence[Event]) -> Iterator[float]:
    for genre in GENRES:
        stars = _of_genre(past, genre)
        yield (sum(stars) - 3.5 * len(stars)) / (len(stars) + 5)

"""What the people of a town do on a day: sessions in which movies are shown, some clicked, some of those rated. Pure.

Each step is likelier for movies that the user likes, so that views, clicks and ratings all tell of tastes.
A day depends on the plan and its date alone: made again it is the same, whichever days were made before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from reco_assets.events.simulation.people import Town

SHOWN = 20  # movies in the list of a session, of which the user looks at about 14
RATED = 0.5  # share of the clicks that end with a rating
COMES_BACK_DAYS = 15  # a movie is offered to a user once in so many days, else the best liked would be rated daily
BLOCK = 1_000_000  # sessions x movies that are weighed at once: each array has 4 MB, their tastes 32
DAY_SECONDS, EVENING_SECONDS = 86_400, 2 * 3_600  # sessions begin so long before midnight, and end on their day


@dataclass(frozen=True)
class Day:
    """What happened on a day. `user` (sessions,) is each session's position in the town; the others have one row for
    each movie looked at, in the order of time: session, movie (positions), position in the list (1 is the first),
    seconds since midnight at which it was shown, clicked and rated (NaN: it was not), and the half stars.
    """

    user: np.ndarray
    session: np.ndarray
    movie: np.ndarray
    position: np.ndarray
    viewed: np.ndarray
    clicked: np.ndarray
    rated: np.ndarray
    stars: np.ndarray


def live_through(town: Town, day: date) -> Day:
    """What the town's people do on a day."""
    rng = np.random.default_rng([town.plan.seed, 6, day.toordinal()])
    user = np.repeat(np.arange(town.plan.users), rng.poisson(town.sessions))
    offered = _offered(town, user, day)
    parts = [_visits(town, user[block], offered[block], block.start, rng) for block in _blocks(offered)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(columns["viewed"], kind="stable")
    return Day(user, **{name: column[order] for name, column in columns.items()})


def _offered(town: Town, user: np.ndarray, day: date) -> np.ndarray:
    """The movies (sessions, n) that users may be shown on a day: every so many, from one on that differs by both."""
    movies = len(town.movies.taste)
    every = min(COMES_BACK_DAYS, max(1, movies // (4 * SHOWN)))
    begin = (user + day.toordinal()) % every
    found: np.ndarray = begin[:, None] + every * np.arange(movies // every)
    return found


def _blocks(offered: np.ndarray) -> Iterator[slice]:
    sessions, movies = offered.shape
    size = max(1, BLOCK // movies)
    yield from (slice(start, start + size) for start in range(0, max(sessions, 1), size))


def _visits(
    town: Town, user: np.ndarray, offered: np.ndarray, first: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """The rows of some sessions, whose users and what they are offered is given; the first has the number `first`."""
    liking = np.einsum("st,smt->sm", town.taste[user], town.movies.taste[offered])
    best = _shown(liking, town.movies.popularity[offered], rng)
    shown, liked = np.take_along_axis(offered, best, axis=1), np.take_along_axis(liking, best, axis=1)
    position = np.arange(1, shown.shape[1] + 1)
    looked_at = position <= 1 + rng.poisson(13, len(user))[:, None]
    clicked = looked_at & (rng.random(shown.shape) < _sigmoid(liked - 1.8) / np.sqrt(np.log2(position + 1)))
    dwell = np.minimum(np.exp(rng.normal(3.4 + 0.4 * liked, 0.6)), 1_200)
    rated = clicked & (rng.random(shown.shape) < RATED)
    viewed, opened = _seconds(clicked, dwell, rng)
    stars = 2.5 + town.friendliness[user][:, None] + town.movies.quality[shown] + 0.6 * liked
    stars = np.clip(np.round((stars + rng.normal(0, 0.7, shown.shape)) * 2) / 2, 0.5, 5.0)
    session = np.broadcast_to(first + np.arange(len(user))[:, None], shown.shape)
    rows = {
        "session": session,
        "movie": shown,
        "position": np.broadcast_to(position, shown.shape),
        "viewed": viewed,
        "clicked": np.where(clicked, opened, np.nan),
        "rated": np.where(rated, opened + dwell, np.nan),
        "stars": stars,
    }
    return {name: values[looked_at] for name, values in rows.items()}


def _shown(liking: np.ndarray, popularity: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The list of each session (sessions, SHOWN), as positions among what is offered: without replacement, in
    proportion to popularity x liking.

    A race of exponential clocks, as in `sources/synthetic.py`: the first to ring come first.
    """
    count = min(SHOWN, liking.shape[1])
    rings = rng.standard_exponential(liking.shape, np.float32) / (popularity * np.exp(1.2 * liking))
    first = np.argpartition(rings, count - 1, axis=1)[:, :count]
    order = np.argsort(np.take_along_axis(rings, first, axis=1), axis=1)
    found: np.ndarray = np.take_along_axis(first, order, axis=1)
    return found


def _seconds(clicked: np.ndarray, dwell: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """When each movie was shown and, if it was, clicked: who opens a page sees the next movie after coming back."""
    begin = 60 + rng.beta(5, 2, len(clicked)) * (DAY_SECONDS - EVENING_SECONDS)
    until_click = rng.exponential(4.0, clicked.shape) + 1.0
    away = np.where(clicked, until_click + dwell, 0.0)
    gaps = rng.exponential(5.0, clicked.shape) + away
    viewed = np.minimum(begin[:, None] + np.cumsum(gaps, axis=1) - away, DAY_SECONDS - EVENING_SECONDS / 2)
    return viewed, viewed + until_click


def _sigmoid(values: np.ndarray) -> np.ndarray:
    found: np.ndarray = 1 / (1 + np.exp(-values))
    return found

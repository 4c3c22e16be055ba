"""A seeded stand-in for MovieLens: low-rank taste, long-tailed popularity, half stars, years, genres, tags.

Shaped like ml-latest-small: a tenth of the movies has 60 % of the ratings, people rate what meets their taste, half of
them in one sitting, some over years, and rows are in the order of users and movies, not of time.
Made in memory in MovieLens's columns, a block of users at a time, so 20 M ratings need no more room than 1 M.
Single precision throughout: it halves the time, which the draws for every user and movie take.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pyarrow as pa

from reco_assets.sources.layout import Columns, RawForm
from reco_assets.sources.movielens import MOVIES, RATINGS, TAGS
from reco_assets.sources.source import Loaded, RawTable, Source, raw_batch
from reco_assets.sources.text_files import now
from reco_assets.vocabulary import ALLOWED_RATINGS
from resources.settings.source import SyntheticSettings

GENRES = (
    *("Action", "Adventure", "Animation", "Comedy", "Crime", "Documentary", "Drama", "Fantasy"),
    *("Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
_ADJECTIVES = ("Silent", "Golden", "Broken", "Last", "Hidden", "Crimson", "Endless", "Little", "Distant", "Strange")
_NOUNS = ("River", "Empire", "Garden", "Winter", "Promise", "Stranger", "Highway", "Orchard", "Voyage", "Harbor")
_TAGS = ("slow", "funny", "classic", "overrated", "beautiful", "twist ending", "soundtrack", "based on a book")

_STARS = pa.array(ALLOWED_RATINGS, pa.float32())

TASTES = 8
EARLIEST, LATEST = 825_000_000, 1_540_000_000  # 1996 to 2018, as MovieLens
LONGEST_MEMBERSHIP = 400_000_000
USERS_PER_BLOCK = 2_000
TOP_SHARE = 0.6  # of all ratings, on the most rated tenth of the movies: ml-latest-small has 0.600

_TASTE_OF_USERS, _EXPOSURE = 0.6, 1.2  # deviation of a user's tastes; how strongly liking draws to a movie
_QUANTILES = np.array([NormalDist().inv_cdf((i + 0.5) / 16) for i in range(16)], np.float32)[:, None]


@dataclass(frozen=True)
class World:
    """The hidden truth: taste (movies, TASTES), and quality, popularity, first second and genres of each movie."""

    taste: np.ndarray
    quality: np.ndarray
    popularity: np.ndarray
    released: np.ndarray
    genres: list[list[int]]


def source(shape: SyntheticSettings) -> Source:
    """A synthetic source; the same shape gives the same rows, load time aside."""
    made = world(shape)
    return Source(
        name="synthetic",
        ratings=RawTable(RATINGS, lambda: _ratings(shape, made)),
        movies=RawTable(MOVIES, lambda: _movies(shape, made)),
        tags=RawTable(TAGS, lambda: _tags(shape)),
    )


def world(shape: SyntheticSettings) -> World:
    """The movies of a shape as they truly are; its seed decides everything."""
    rng = np.random.default_rng([shape.seed, 0])
    genre_taste = rng.normal(0, 1, (len(GENRES), TASTES))
    genres = [sorted(rng.choice(len(GENRES), rng.integers(1, 4), replace=False)) for _ in range(shape.movies)]
    taste = np.array([genre_taste[g].mean(axis=0) for g in genres]) + rng.normal(0, 0.4, (shape.movies, TASTES))
    quality = rng.normal(0, 0.45, shape.movies)
    popularity = _popularity(shape, rng.permutation(shape.movies) + 1, quality, np.linalg.norm(taste, axis=1))
    released = rng.integers(EARLIEST - 900_000_000, LATEST - 30_000_000, shape.movies)
    single = np.float32
    return World(taste.astype(single), quality.astype(single), popularity.astype(single), released, genres)


def _popularity(shape: SyntheticSettings, rank: np.ndarray, quality: np.ndarray, taste: np.ndarray) -> np.ndarray:
    """How fast each movie is found, (movies,): Zipf with an offset, better ones faster; `taste`: the length of theirs.

    Bisection finds the exponent at which the top tenth is to get `TOP_SHARE`. Where so many ratings of so few pairs
    don't let it, that is three quarters of the way to the most that they do: all of it would leave taste no say.
    """
    low, high = 0.5, 3.0
    # Most ratings are by people who rate more than the mean: their activity deviates by 1 in `_ratings_per_user`.
    typical = min(np.exp(0.5) * shape.ratings / shape.users, 0.9 * shape.movies)
    most = min(1.0, 0.1 * shape.movies / typical)
    share = min(TOP_SHARE, 0.1 + 0.75 * (most - 0.1))
    spread = (_EXPOSURE * _TASTE_OF_USERS * taste).astype(np.float32)
    for _ in range(12):
        exponent = (low + high) / 2
        popularity = ((rank / len(rank) + 0.02) ** -exponent * np.exp(0.8 * quality)).astype(np.float32)
        chances = np.sort(_chances(popularity * np.exp(spread * _QUANTILES), typical))[::-1]
        is_flat = chances[: len(rank) // 10].sum() < share * chances.sum()
        low, high = (exponent, high) if is_flat else (low, exponent)
    return popularity


def _chances(speeds: np.ndarray, n: float) -> np.ndarray:
    """How likely each movie is among somebody's `n`, (movies,), by its speed for several users, (users, movies)."""
    clock = n * len(speeds) / speeds.sum()
    for _ in range(8):  # Newton's method; it comes from one side, as the sum of chances is concave in time
        left = np.exp(-clock * speeds)
        clock += (n - (1 - left).mean(axis=0).sum()) / (speeds * left).mean(axis=0).sum()
    chances: np.ndarray = (1 - np.exp(-clock * speeds)).mean(axis=0)
    return chances


def _ratings(shape: SyntheticSettings, world: World) -> Iterator[pa.RecordBatch]:
    loaded_at, line = now(), 2
    wanted = _ratings_per_user(shape)
    for first in range(0, shape.users, USERS_PER_BLOCK):
        rng = np.random.default_rng([shape.seed, 2, first])
        blocks = [_user(rng, world, int(n)) for n in wanted[first : first + USERS_PER_BLOCK]]
        users = np.repeat(np.arange(first + 1, first + 1 + len(blocks)), [len(movies) for movies, _, _ in blocks])
        movies, stars, seconds = (np.concatenate(column) for column in zip(*blocks, strict=True))
        columns = {
            "user_id": pa.array(users, pa.int32()),
            "movie_id": pa.array(movies + 1, pa.int32()),
            "rating": _STARS.take(pa.array(stars)),
            "timestamp": pa.array(seconds, pa.int64()),
        }
        yield _batch(RATINGS, columns, line, loaded_at)
        line += len(users)


def _ratings_per_user(shape: SyntheticSettings) -> np.ndarray:
    """How many movies each user rates, (users,): long-tailed, `shape.ratings` in all where so many pairs exist."""
    activity = np.random.default_rng([shape.seed, 1]).lognormal(0, 1.0, shape.users)
    total = min(shape.ratings, shape.users * shape.movies)
    least = min(1.0, total / shape.users)
    # Nobody rates more than half of the catalogue, unless so many ratings are asked for that some must.
    most = min(shape.movies, max(shape.movies // 2, 2 * total // shape.users + 1))
    low, high = 0.0, most / activity.min()
    for _ in range(100):  # bisection: the scale at which the clipped activities add up to the total
        scale = (low + high) / 2
        low, high = (scale, high) if np.clip(scale * activity, least, most).sum() < total else (low, scale)
    # Rounding the running sum, not each user, keeps the total.
    ends = np.round(np.cumsum(np.clip(high * activity, least, most))).astype(int)
    return np.clip(np.diff(ends, prepend=0), 0, most)


def _user(rng: np.random.Generator, world: World, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One user's movies, half stars (0 to 9) and seconds, each of shape (n,), in the order of movies."""
    liking = world.taste @ rng.normal(0, _TASTE_OF_USERS, TASTES).astype(np.float32)
    # A race of exponential clocks: its n first are n movies without replacement, in proportion to their speed.
    speed = world.popularity * np.exp(_EXPOSURE * liking)
    finish = rng.standard_exponential(len(speed), np.float32) / speed
    movies = np.sort(np.argpartition(finish, n - 1)[:n]) if n else np.empty(0, int)
    opinion = world.quality[movies] + 0.6 * liking[movies] + rng.normal(0, 0.7, n)
    stars = 3.55 + rng.normal(0, 0.4) + opinion - (opinion.mean() if n else 0)  # people differ in what a star means
    return movies, np.clip(np.round(stars * 2).astype(int) - 1, 0, len(_STARS) - 1), _seconds(rng, n)


def _seconds(rng: np.random.Generator, n: int) -> np.ndarray:
    """When one user rates, (n,): within a day in half of the cases, over months or years in others."""
    span = int(np.clip(rng.lognormal(np.log(86_400), 4.0), 40 * n, LONGEST_MEMBERSHIP))
    start = rng.integers(EARLIEST, LATEST - span)
    return start + rng.integers(0, span, n)


def catalogue(shape: SyntheticSettings, world: World) -> tuple[list[str], list[str]]:
    """The titles of a world's movies, with their years, and their genres as in MovieLens ("Comedy|Drama")."""
    rng = np.random.default_rng([shape.seed, 3])
    names = [f"The {rng.choice(_ADJECTIVES)} {rng.choice(_NOUNS)} {number}" for number in range(1, shape.movies + 1)]
    years = 1970 + world.released // 31_557_600
    titles = [f"{name} ({year})" for name, year in zip(names, years, strict=True)]
    return titles, ["|".join(GENRES[g] for g in genres) for genres in world.genres]


def _movies(shape: SyntheticSettings, world: World) -> Iterator[pa.RecordBatch]:
    titles, genres = catalogue(shape, world)
    columns = {
        "movie_id": pa.array(np.arange(1, shape.movies + 1), pa.int32()),
        "title": pa.array(titles),
        "genres": pa.array(genres),
    }
    yield _batch(MOVIES, columns, 2, now())


def _tags(shape: SyntheticSettings) -> Iterator[pa.RecordBatch]:
    rng = np.random.default_rng([shape.seed, 4])
    n = max(1, shape.ratings // 30)
    columns = {
        "user_id": pa.array(rng.integers(1, shape.users + 1, n), pa.int32()),
        "movie_id": pa.array(rng.integers(1, shape.movies + 1, n), pa.int32()),
        "tag": pa.array(rng.choice(_TAGS, n)),
        "timestamp": pa.array(rng.integers(EARLIEST, LATEST, n), pa.int64()),
    }
    yield _batch(TAGS, columns, 2, now())


def _batch(
    columns: Columns, values: dict[str, pa.Array], first_line: int, loaded_at: pa.TimestampScalar
) -> pa.RecordBatch:
    """Rows that are plain by construction."""
    lines = pa.array(np.arange(first_line, first_line + len(values["movie_id"])))
    return raw_batch(values, RawForm(columns.fields), Loaded(lines, "synthetic", loaded_at))

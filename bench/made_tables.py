"""Tables of any number of ratings, written straight from arrays: users of a group like the movies of their group."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from reco_assets.sources.layout import RawForm
from reco_assets.sources.movielens import MOVIES, RATINGS, TAGS
from reco_assets.sources.source import Loaded, RawTable, raw_batch, read_raw
from reco_assets.sources.text_files import now
from reco_assets.tables import BRONZE_MOVIES, BRONZE_RATINGS, BRONZE_TAGS, FUTURE_RATINGS, SIDE_TABLES, SPLIT_RATINGS
from reco_assets.vocabulary import FUTURE, HISTORY, TEST, TRAIN
from resources.tables.lakehouse import Lakehouse

GROUPS, OF_GROUP = 8, 512  # of taste, and how many movies please each
OWN, OTHERS = 320, 80  # ratings of a user: of movies that please, and of others
EACH = OWN + OTHERS
USERS_AT_ONCE = 2_500
FIRST, SECONDS = 1_400_000_000, 63_000_000  # two years


@dataclass(frozen=True)
class Block:
    """The ratings of some users, one after the other: four arrays (n,), and which of a user's ratings each is."""

    user_id: np.ndarray
    movie_id: np.ndarray
    rating: np.ndarray
    seconds: np.ndarray
    place: np.ndarray


def make_raw(lakehouse: Lakehouse, ratings: int) -> None:
    """Write the bronze tables."""
    movies = np.arange(GROUPS * OF_GROUP, dtype=np.int32)
    named = {"movie_id": pa.array(movies), "title": pa.array([f"Movie {n} (2000)" for n in movies])}
    named["genres"] = pa.repeat("Drama", len(movies))
    none = {name: pa.array([], pa.int32()) for name in ("user_id", "movie_id")}
    none |= {"tag": pa.array([], pa.string()), "timestamp": pa.array([], pa.int64())}
    for spec, table in (
        (BRONZE_RATINGS, RawTable(RATINGS, lambda: map(_raw_ratings, blocks(ratings)))),
        (BRONZE_MOVIES, RawTable(MOVIES, lambda: iter([_raw(MOVIES.fields, named)]))),
        (BRONZE_TAGS, RawTable(TAGS, lambda: iter([_raw(TAGS.fields, none)]))),
    ):
        lakehouse.write(spec, read_raw(table))


def make_sides(lakehouse: Lakehouse, ratings: int) -> None:
    """Write the tables of the split: of each user's ratings every fifth is test, and the last five are future."""
    for side, spec in {**SIDE_TABLES, FUTURE: FUTURE_RATINGS}.items():
        rows = (_of_side(block, side) for block in blocks(ratings))
        lakehouse.write(spec, pa.RecordBatchReader.from_batches(_of_side(_NOBODY, side).schema, rows))
    # Of this one training asks for the policy alone.
    some = pa.Table.from_batches([_of_side(next(blocks(EACH)), TRAIN)])
    policy = lakehouse.settings.split.policy()
    for name, word in (("side", TRAIN), ("policy", policy)):
        some = some.append_column(name, pa.repeat(word, len(some)))
    lakehouse.write(SPLIT_RATINGS, some)


def blocks(ratings: int) -> Iterator[Block]:
    """So many ratings, or a few less, in the order of their users; the same ones each time."""
    rng = np.random.default_rng(0)
    at = np.arange(EACH)[None, :]
    for first in range(0, ratings // EACH, USERS_AT_ONCE):
        users = np.arange(first, min(first + USERS_AT_ONCE, ratings // EACH))[:, None]
        group = np.where(at < OWN, users % GROUPS, (users + 1 + at % (GROUPS - 1)) % GROUPS)
        # Odd steps through a power of two: no movie twice.
        place = (users * 37 + at * (2 * (users // GROUPS % 100) + 1)) % OF_GROUP
        stars = np.where(at < OWN, 4.0, 2.0) + rng.integers(-2, 3, group.shape) / 2
        yield Block(
            np.repeat(users.ravel(), EACH).astype(np.int32),
            (place * GROUPS + group).ravel().astype(np.int32),
            stars.ravel().astype(np.float32),
            FIRST + rng.integers(0, SECONDS, group.size),
            np.broadcast_to(at, group.shape).ravel(),
        )


def _of_side(block: Block, side: str) -> pa.RecordBatch:
    future, test = block.place >= EACH - 5, block.place % 5 == 0
    chosen = {FUTURE: future, TEST: test & ~future, TRAIN: ~test & ~future}[side]
    moments = pa.array(block.seconds[chosen] * 1_000_000, pa.timestamp("us", tz="UTC"))
    columns = [pa.array(values[chosen]) for values in (block.user_id, block.movie_id, block.rating)]
    origin = pa.repeat(HISTORY, len(moments))
    return pa.RecordBatch.from_arrays(
        [*columns, moments, origin], ["user_id", "movie_id", "rating", "rating_ts", "origin"]
    )


def _raw_ratings(block: Block) -> pa.RecordBatch:
    names = ("user_id", "movie_id", "rating")
    values = {name: pa.array(getattr(block, name)) for name in names} | {"timestamp": pa.array(block.seconds)}
    return _raw(RATINGS.fields, values)


def _raw(fields: Sequence[str], values: dict[str, pa.Array]) -> pa.RecordBatch:
    lines = pa.array(np.arange(2, 2 + len(values["movie_id"])))
    return raw_batch(values, RawForm(tuple(fields)), Loaded(lines, "arrays", now()))


_NOBODY = Block(*(np.empty(0, kind) for kind in (np.int32, np.int32, np.float32, np.int64, np.int64)))

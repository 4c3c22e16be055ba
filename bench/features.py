"""How long the features of 1 M events take, beside the fastest plain script for them.

`make bench-features`: a lakehouse of its own in a temporary folder, half of the events in silver/ratings and half in
events/log. The plain script makes the same numbers after every moment in arrays and writes them as Parquet: it checks
nothing, keeps no versions, and answers no question.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.features.run import compute_store
from reco_assets.features.store import FeatureStore
from reco_assets.tables import EVENTS_LOG, SILVER_MOVIES, SILVER_RATINGS
from resources.settings import load_settings
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse

USERS, MOVIES, GENRES = 6_000, 4_000, 19
FIRST, SPAN = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()), 3 * 365 * 86_400
KINDS, SHARES = ("view", "click", "rating"), (0.5, 0.2, 0.3)  # of what the log has
ASKED = 400_000

T = TypeVar("T")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory() as folder:
        lakehouse = Lakehouse.open(load_settings(lakehouse_path=Path(folder, "lake")))
        fill(lakehouse, events)
        seconds, computed = timed(lambda: compute_store(lakehouse))
        tell("computed, checked and put in place", seconds, events)
        seconds, _ = timed(lambda: plain(lakehouse, Path(folder)))
        tell("the same numbers by a plain script", seconds, events)
        with FeatureStore.open(computed.path) as store:
            ask(store)


def ask(store: FeatureStore) -> None:
    """Print how long readers wait for many answers."""
    rng = np.random.default_rng(2)
    users, movies = rng.integers(1, USERS, ASKED), rng.integers(1, MOVIES, ASKED)
    ts = (FIRST + rng.integers(0, SPAN, ASKED)).astype("datetime64[s]")
    for entity, ids in (("user", users), ("movie", movies), ("user_movie", np.stack([users, movies], axis=1))):
        seconds, _ = timed(lambda entity=entity, ids=ids: store.vectors(entity, ids, ts))
        tell(f"vectors of {entity} at a moment", seconds, ASKED)


def fill(lakehouse: Lakehouse, events: int) -> None:
    """Half of the events as ratings of silver, half as events of the log; few users and movies have most of them."""
    rng = np.random.default_rng(1)
    rows = {
        "user_id": np.minimum(rng.zipf(1.2, events), USERS).astype(np.int32),
        "movie_id": np.minimum(rng.zipf(1.2, events), MOVIES).astype(np.int32),
        "rating": (rng.integers(1, 11, events) / 2).astype(np.float32),
        "ts": pa.array((FIRST + rng.integers(0, SPAN, events)) * 1_000_000, pa.timestamp("us", "UTC")),
    }
    table = pa.table(rows)
    half = events // 2
    log = table.slice(half).rename_columns({"ts": "event_ts"})
    kinds = rng.choice(KINDS, events - half, p=SHARES)
    ids = np.arange(events - half)
    more = {
        "event_type": kinds,
        "event_id": ids.astype(str),
        "offset": ids,
        "event_date": log["event_ts"].cast("date32"),
    }
    write(lakehouse, EVENTS_LOG, log, **more)
    rated = table.slice(0, half).group_by(["user_id", "movie_id", "ts"]).aggregate([("rating", "max")])
    rated = rated.rename_columns({"ts": "rating_ts", "rating_max": "rating"})
    write(lakehouse, SILVER_RATINGS, rated, year=np.full(len(rated), 2020), month=np.full(len(rated), 1))
    names = np.array([f"genre {genre}" for genre in range(GENRES)])
    genres = [rng.choice(names, rng.integers(1, 5), replace=False).tolist() for _ in range(MOVIES)]
    movies = pa.table({"movie_id": np.arange(1, MOVIES + 1), "genres": genres})
    write(lakehouse, SILVER_MOVIES, movies, release_year=rng.integers(1930, 2020, MOVIES))


def write(lakehouse: Lakehouse, spec: TableSpec, rows: pa.Table, **more: Any) -> None:
    """Write a table; columns that are not given are null."""
    columns = {name: rows[name] for name in rows.column_names} | more
    schema = to_arrow_schema(spec.schema, timezone="UTC")
    lakehouse.write(
        spec,
        pa.table({f.name: columns.get(f.name, pa.nulls(len(rows), f.type)) for f in schema}).cast(schema),
    )


def plain(lakehouse: Lakehouse, folder: Path) -> None:
    """Running sums of each user, movie and pair, in arrays, and as Parquet."""
    rated = lakehouse.dataset(SILVER_RATINGS.name).to_table(columns=["user_id", "movie_id", "rating", "rating_ts"])
    log = lakehouse.dataset(EVENTS_LOG.name).to_table(
        columns=["user_id", "movie_id", "rating", "event_ts", "event_type"]
    )
    movies = lakehouse.dataset(SILVER_MOVIES.name).to_table(columns=["movie_id", "genres"])
    kind = log["event_type"].to_numpy()
    names = sorted({genre for genres in movies["genres"].to_pylist() for genre in genres})
    flags = np.zeros((len(names), MOVIES + 1), np.int32)
    for movie, genres in zip(movies["movie_id"].to_pylist(), movies["genres"].to_pylist(), strict=True):
        flags[[names.index(genre) for genre in genres], movie] = 1
    columns = {
        name: np.concatenate([rated[name].to_numpy(), log[name].to_numpy()])
        for name in ("user_id", "movie_id", "rating")
    }
    ts = np.concatenate([rated["rating_ts"].to_numpy(), log["event_ts"].to_numpy()]).astype("datetime64[s]")
    rating = np.concatenate([np.ones(len(rated), np.int32), kind == "rating"]).astype(np.int32)
    sums = {
        "ratings": rating,
        "half_stars": (columns["rating"] * 2).astype(np.int32) * rating,
        "views": np.concatenate([np.zeros(len(rated), np.int32), kind == "view"]).astype(np.int32),
        "clicks": np.concatenate([np.zeros(len(rated), np.int32), kind == "click"]).astype(np.int32),
    }
    for entity, ids in (("user", ["user_id"]), ("movie", ["movie_id"]), ("pair", ["user_id", "movie_id"])):
        order = np.lexsort([ts, *(columns[name] for name in reversed(ids))])
        keys = np.stack([columns[name][order] for name in ids])
        starts = np.append(0, np.flatnonzero((keys[:, 1:] != keys[:, :-1]).any(axis=0)) + 1)
        lengths = np.diff(np.append(starts, len(order)))
        made = dict(zip(ids, keys, strict=True)) | {"ts": ts[order]}
        of_genres = (
            {
                f"{name}_{at}": sums[name] * flags[at][columns["movie_id"]]
                for name in ("ratings", "half_stars")
                for at in range(len(names))
            }
            if entity == "user"
            else {}
        )
        for name, values in (sums | of_genres).items():
            total = np.cumsum(values[order])
            made[name] = total - np.repeat(total[starts] - values[order][starts], lengths)
        made["mean"] = (made["half_stars"] / 2 + 17.5) / (made["ratings"] + 5)
        pq.write_table(pa.table(made), folder / f"{entity}.parquet", compression="none", use_dictionary=False)


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """How many seconds a call took, and what it returned."""
    start = time.perf_counter()
    found = call()
    return time.perf_counter() - start, found


def tell(what: str, seconds: float, rows: int) -> None:
    """Print one line."""
    print(f"{what}: {rows:,} in {seconds:.1f} s, {rows / seconds:,.0f} a second")


if __name__ == "__main__":
    main()

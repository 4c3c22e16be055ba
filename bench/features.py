"""How long the features of 1 M events take, beside the fastest plain script for them.

`make bench-features`: a lakehouse of its own in a temporary folder, with about so many simulated events in events/log,
whose ratings are in silver/ratings, too, as the platform has them. The plain script makes the same numbers after every
moment in arrays and writes them as Parquet: it checks nothing, keeps no versions, and answers no question.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac
import pyarrow.parquet as pq
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.events.simulation.funnel import live_through
from reco_assets.events.simulation.people import FIRST_USER, Plan, Town, days, town
from reco_assets.features.run import compute_store
from reco_assets.features.store import FeatureStore
from reco_assets.tables import EVENTS_LOG, SILVER_MOVIES, SILVER_RATINGS
from resources.settings import load_settings
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse

MOVIES, GENRES = 2_000, 19
FIRST, DAYS = date(2026, 1, 1), 60
A_USER = 375  # events of one in that time
ASKED = 400_000

T = TypeVar("T")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    plan = Plan(users=max(1, parser.parse_args().events // A_USER), movies=MOVIES, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        lakehouse = Lakehouse.open(load_settings(lakehouse_path=Path(folder, "lake")))
        events = fill(lakehouse, plan)
        seconds, computed = timed(lambda: compute_store(lakehouse))
        tell("computed, checked and put in place", seconds, events)
        seconds, _ = timed(lambda: plain(lakehouse, Path(folder)))
        tell("the same numbers by a plain script", seconds, events)
        with FeatureStore.open(computed.path) as store:
            tell_pairs(store)
            ask(store, plan)


def tell_pairs(store: FeatureStore) -> None:
    """Print how many moments of pairs there are: what a moment costs is told by them more than by events."""
    print(f"moments of pairs: {store.row_counts()['user_movie_features_history']:,}")


def ask(store: FeatureStore, plan: Plan) -> None:
    """Print how long readers wait for many answers."""
    rng = np.random.default_rng(2)
    users, movies = FIRST_USER + rng.integers(0, plan.users, ASKED), 1 + rng.integers(0, MOVIES, ASKED)
    ts = np.datetime64(FIRST, "s") + rng.integers(0, DAYS * 86_400, ASKED)
    for entity, ids in (("user", users), ("movie", movies), ("user_movie", np.stack([users, movies], axis=1))):
        seconds, _ = timed(lambda entity=entity, ids=ids: store.vectors(entity, ids, ts))
        tell(f"vectors of {entity} at a moment", seconds, ASKED)


def fill(lakehouse: Lakehouse, plan: Plan) -> int:
    """Write what the people of a plan do; returns how many events that is."""
    people = town(plan)
    log = pa.concat_tables(happened(people, day) for day in days(FIRST, FIRST + timedelta(DAYS)))
    ids = np.arange(len(log))
    write(lakehouse, EVENTS_LOG, log, event_id=ids.astype(str), offset=ids, event_date=log["event_ts"].cast("date32"))
    rated = log.filter(pac.equal(log["event_type"], "rating")).drop_columns("event_type")
    rated = rated.rename_columns({"event_ts": "rating_ts"})
    write(lakehouse, SILVER_RATINGS, rated, year=np.full(len(rated), 2026), month=np.full(len(rated), 1))
    rng = np.random.default_rng(1)
    names = np.array([f"genre {genre}" for genre in range(GENRES)])
    genres = [rng.choice(names, rng.integers(1, 5), replace=False).tolist() for _ in range(MOVIES)]
    movies = pa.table({"movie_id": np.arange(1, MOVIES + 1), "genres": genres})
    write(lakehouse, SILVER_MOVIES, movies, release_year=rng.integers(1930, 2020, MOVIES))
    return len(log)


def happened(people: Town, day: date) -> pa.Table:
    """The views, clicks and ratings of a day, as rows of the log."""
    lived = live_through(people, day)
    users = FIRST_USER + lived.user[lived.session]
    parts = []
    for kind, seconds in (("view", lived.viewed), ("click", lived.clicked), ("rating", lived.rated)):
        rows = np.flatnonzero(~np.isnan(seconds))
        moments = np.datetime64(day, "us") + np.floor(seconds[rows]).astype("timedelta64[s]")
        stars = lived.stars[rows].astype(np.float32)
        part = {
            "user_id": users[rows].astype(np.int32),
            "movie_id": (1 + lived.movie[rows]).astype(np.int32),
            "rating": pa.array(stars, mask=np.full(len(rows), kind != "rating")),
            "event_ts": pa.array(moments).cast(pa.timestamp("us", "UTC")),
            "event_type": pa.repeat(kind, len(rows)),
        }
        parts.append(pa.table(part))
    return pa.concat_tables(parts)


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
    log = lakehouse.dataset(EVENTS_LOG.name).to_table(
        columns=["user_id", "movie_id", "rating", "event_ts", "event_type"]
    )
    movies = lakehouse.dataset(SILVER_MOVIES.name).to_table(columns=["movie_id", "genres"])
    kind = log["event_type"].to_numpy()
    names = sorted({genre for genres in movies["genres"].to_pylist() for genre in genres})
    flags = np.zeros((len(names), MOVIES + 1), np.int32)
    for movie, genres in zip(movies["movie_id"].to_pylist(), movies["genres"].to_pylist(), strict=True):
        flags[[names.index(genre) for genre in genres], movie] = 1
    columns = {name: log[name].to_numpy() for name in ("user_id", "movie_id")}
    ts = log["event_ts"].to_numpy().astype("datetime64[s]")
    sums = {f"{name}s": (kind == name).astype(np.int32) for name in ("rating", "view", "click")}
    sums["half_stars"] = (log["rating"].fill_null(0).to_numpy() * 2).astype(np.int32)
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

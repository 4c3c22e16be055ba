"""A store without some ratings, for who holds them out: no feature of any user or movie ever counts them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from reco_assets.features.compute import Sources, build
from reco_assets.features.store import FeatureStore
from resources.databases import in_memory


@contextmanager
def without(store: FeatureStore, ratings: pa.Table) -> Iterator[FeatureStore]:
    """The same version computed again in memory without some of its ratings, to be read while the block lasts.

    Strictly earlier events alone would not do for who judges on held-out ratings: those of one user are in the past of
    other users' rows, and a movie's only rating tells that there is one.

    Args:
        store: A version.
        ratings: user_id, movie_id and ts of what is left out.
    """
    read = store.query
    kept = read("SELECT user_id, movie_id, rating, ts FROM interactions").join(
        ratings.select(["user_id", "movie_id", "ts"]), ["user_id", "movie_id", "ts"], join_type="left anti"
    )
    looks = read("SELECT user_id, movie_id, CAST(NULL AS FLOAT) AS rating, ts, kind, 0 AS turn FROM looks")
    movies = read("SELECT movie_id, title, genres, release_year FROM movies")
    with in_memory() as connection:
        build(connection, Sources(kept, looks, movies), store.features)
        for table in ("_store", "_features"):
            connection.register("about", read(f"SELECT * FROM {table}"))
            connection.execute(f"CREATE TABLE {table} AS FROM about")
        yield FeatureStore(store.path, connection)

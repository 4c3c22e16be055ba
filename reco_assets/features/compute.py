"""From ratings, events and movies to the tables of a feature store, in a DuckDB database that is handed in."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from reco_assets.features.declarations import FADING_DAYS, GENRES, Entity, Feature
from reco_assets.features.point_in_time import ALL, HISTORIES, features_at, sql_type
from reco_assets.features.running import Moments

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_GENRES = 32  # each is one number in every moment of every user; MovieLens has 19

_INTERACTIONS = """
CREATE TABLE interactions AS
WITH rated AS (SELECT user_id, movie_id, rating, ts FROM given_ratings), told AS (
    SELECT user_id, movie_id, arg_max(rating, turn) AS rating, ts
    FROM given_events WHERE kind = 'rating' GROUP BY user_id, movie_id, ts
)
SELECT * FROM (FROM rated UNION ALL FROM told ANTI JOIN rated USING (user_id, movie_id, ts))
ORDER BY user_id, ts, movie_id
"""
_LOOKS = """
CREATE TABLE looks AS
SELECT user_id, movie_id, kind, ts FROM given_events WHERE kind IN ('view', 'click')
ORDER BY user_id, ts, movie_id, kind
"""
_ACTIVITY = """
CREATE TEMP VIEW activity AS
SELECT user_id, movie_id, ts, 1 AS rated, CAST(rating * 2 AS INTEGER) AS half_stars, 0 AS viewed, 0 AS clicked
FROM interactions
UNION ALL
SELECT user_id, movie_id, ts, 0, 0, CAST(kind = 'view' AS INTEGER), CAST(kind = 'click' AS INTEGER) FROM looks
"""
_MOVIES = """
CREATE TABLE movies AS
SELECT movie_id, title, genres, release_year, flags AS genre_flags, CAST(list_sum(flags) AS INTEGER) AS genre_count
FROM (
    SELECT *, CAST([CAST(list_contains(genres, genre) AS FLOAT) FOR genre IN $genres] AS FLOAT[{count}]) AS flags
    FROM (
        SELECT movie_id, title, coalesce(genres, []) AS genres, release_year
        FROM (SELECT movie_id FROM activity UNION SELECT movie_id FROM given_movies)
        LEFT JOIN given_movies USING (movie_id)
    )
) ORDER BY movie_id
"""


@dataclass(frozen=True)
class Sources:
    """What features are made of, in whole seconds of UTC.

    Attributes:
        ratings: user_id, movie_id, rating, ts; no user rates a movie twice in a second.
        events: user_id, movie_id, rating, ts, kind (view, click or rating), turn: of two ratings of a movie by a user
            in one second, the one with the higher turn counts. A rating in `ratings` counts before it.
        movies: movie_id, title, genres (list of text), release_year.
    """

    ratings: pa.Table
    events: pa.Table
    movies: pa.Table


def build(connection: "DuckDBPyConnection", sources: Sources, features: Sequence[Feature]) -> list[str]:
    """Make all tables and views of a store; returns its genres. The same sources give the same rows, in one order."""
    connection.register("given_ratings", sources.ratings)
    connection.register("given_events", sources.events)
    connection.register("given_movies", sources.movies)
    genres = _genres_of(sources.movies)
    for statement in (_INTERACTIONS, _LOOKS, _ACTIVITY):
        connection.execute(statement)
    connection.execute(_MOVIES.format(count=len(genres)), {"genres": genres})
    for entity in Entity:
        _write_history(connection, entity, [feature for feature in features if feature.entity is entity], len(genres))
    _write_views(connection, features, len(genres))
    return genres


def _genres_of(movies: pa.Table) -> list[str]:
    """The genres of a store, sorted: of more than MOST_GENRES those that most movies have; one that no movie has
    where there are none, as an array can't be empty.
    """
    counts = Counter(genre for genres in movies["genres"].to_pylist() for genre in genres or () if _is_genre(genre))
    most = sorted(counts, key=lambda genre: (-counts[genre], genre))[:MOST_GENRES]
    return sorted(most) or ["(no genres listed)"]


def _is_genre(text: str) -> bool:
    return bool(text) and not text.startswith("(")  # MovieLens writes "(no genres listed)"


def _write_history(connection: "DuckDBPyConnection", entity: Entity, features: Sequence[Feature], genres: int) -> None:
    values = [f"{_after(feature, genres)} AS {feature.name}" for feature in features if feature.after]
    columns = ", ".join([*entity.ids, "ts", *values])
    connection.register("sums", _sums(connection, entity, genres, set(re.findall(r"\w+", columns))))
    connection.execute(f"CREATE TABLE {HISTORIES[entity]} AS SELECT {columns} FROM sums")
    connection.unregister("sums")


def _after(feature: Feature, genres: int) -> str:
    if feature.type != GENRES:
        return f"CAST({feature.after} AS {feature.type})"
    each = (feature.after.replace("{genre}", str(genre)) for genre in range(genres))
    return f"CAST(array_value({', '.join(each)}) AS {sql_type(feature, genres)})"


def _sums(connection: "DuckDBPyConnection", entity: Entity, genres: int, named: Collection[str]) -> pa.Table:
    """What `after` is written over: ids, ts, and of the sums of `running` after each moment those that are named."""
    rows = _rows(connection, entity)
    keys = np.stack([rows[name] for name in entity.ids])
    moments = Moments.of(keys, rows["seconds"])
    ids = dict(zip(entity.ids, keys[:, moments.last], strict=True))
    ts = pa.array(rows["seconds"][moments.last], pa.timestamp("s")).cast(pa.timestamp("us"))
    # Each takes a while where there are millions of moments: 20 us for each pair's recent ratings, which nobody asks.
    sums = {name: sum_of() for name, sum_of in _each_sum(rows, moments, _flags(connection, genres)) if name in named}
    return pa.table({**ids, "ts": ts, **sums})


def _each_sum(
    rows: Mapping[str, np.ndarray], moments: Moments, flags: np.ndarray
) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    def of_genre(has_it: np.ndarray, values: np.ndarray) -> np.ndarray:
        return moments.sums(has_it[rows["movie"]] * values)

    rated, half_stars = rows["rated"], rows["half_stars"]
    yield "ratings", partial(moments.sums, rated)
    yield "half_stars", partial(moments.sums, half_stars)
    yield "views", partial(moments.sums, rows["viewed"])
    yield "clicks", partial(moments.sums, rows["clicked"])
    yield "recent_ratings", partial(moments.fading, rated, rows["seconds"], FADING_DAYS * 86_400)
    for genre, has_it in enumerate(flags):
        yield f"genre_ratings_{genre}", partial(of_genre, has_it, rated)
        yield f"genre_half_stars_{genre}", partial(of_genre, has_it, half_stars)


def _rows(connection: "DuckDBPyConnection", entity: Entity) -> dict[str, Any]:
    """What happened, sorted by entity and time; `movie` is the movie's place in the table movies.

    A pair is told by what came before a rating, and its history needs no more.
    """
    ids = ", ".join(f"activity.{name}" for name in entity.ids)
    looked = "WHERE rated = 0" if entity is Entity.USER_MOVIE else ""
    query = f"""
        SELECT {ids}, CAST(epoch(ts) AS BIGINT) AS seconds, rated, half_stars, viewed, clicked, movies.rowid AS movie
        FROM activity JOIN movies ON movies.movie_id = activity.movie_id {looked} ORDER BY {ids}, ts
    """
    rows: dict[str, Any] = connection.execute(query).fetchnumpy()
    return rows


def _flags(connection: "DuckDBPyConnection", genres: int) -> np.ndarray:
    """(genres, movies) of 0 and 1, in the order of the table movies."""
    found = connection.sql("SELECT genre_flags FROM movies ORDER BY movie_id").to_arrow_table()["genre_flags"]
    flat = found.combine_chunks().flatten().to_numpy()
    return np.ascontiguousarray(flat.reshape(-1, genres).T.astype(np.int32))


def _write_views(connection: "DuckDBPyConnection", features: Sequence[Feature], genres: int) -> None:
    """What is newest, and what was known before each interaction: read from the histories whenever asked."""
    connection.execute(
        "CREATE VIEW newest AS SELECT max(ts) + INTERVAL 1 SECOND AS ts FROM "
        "(SELECT max(ts) AS ts FROM interactions UNION ALL SELECT max(ts) FROM looks)"
    )
    for entity in Entity:
        ids = ", ".join(entity.ids)
        known = "movies" if entity is Entity.MOVIE else HISTORIES[entity]
        asked = f"(SELECT {ids}, ts FROM (SELECT DISTINCT {ids} FROM {known}), newest)"
        query = features_at([entity], asked, features, genres)
        connection.execute(f"CREATE VIEW {entity.value}_features AS {query} ORDER BY {ids}")
    query = features_at(ALL, "interactions", features, genres)
    connection.execute(f"CREATE VIEW training_examples AS {query} ORDER BY user_id, ts, movie_id")

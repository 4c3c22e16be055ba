"""Whether a feature sees what is yet to come: its values at a moment must be the same without all that came later.

That is asked of a small world, the first events of the busiest users and movies, whatever the SQL of a feature says: it
is computed twice, from all events and from those before the moment.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.features.compute import Sources, build
from reco_assets.features.declarations import Entity, Feature
from reco_assets.features.finding import NO_LOOK_AHEAD, SHOWN_ROWS, Finding
from reco_assets.features.point_in_time import ALL, features_at
from resources.databases import in_memory

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BUSIEST = 40  # users and movies, of those that do most kinds of things
EVENTS_OF_EACH = 250
CUTS = 3  # of the busiest users and of the busiest movies: the middle of what each did

_ALL = """
SELECT user_id, movie_id, rating, ts, 'given' AS kind, CAST(NULL AS BIGINT) AS turn FROM given_ratings
UNION ALL SELECT user_id, movie_id, rating, ts, kind, turn FROM given_events
"""
_BUSIEST = """
CREATE TEMP TABLE busiest_{id} AS
SELECT {id}, row_number() OVER (ORDER BY count(DISTINCT kind) DESC, count(*) DESC, {id}) AS place
FROM activity GROUP BY {id} ORDER BY place LIMIT {most}
"""
_OF_BUSIEST = """
SELECT activity.* FROM activity JOIN busiest_{id} USING ({id})
QUALIFY row_number() OVER (PARTITION BY {id} ORDER BY ts, movie_id, user_id, kind, turn) <= {events}
"""
_MIDDLES = """
SELECT moments[(len(moments) + 1) // 2 + 1] AS ts
FROM (
    SELECT list_sort(list_distinct(list(ts))) AS moments
    FROM world JOIN busiest_{id} USING ({id}) WHERE place <= {most} GROUP BY {id}
) WHERE len(moments) > 1
"""
_IDS = ("user_id", "movie_id")


def looking_ahead(sources: Sources, features: Sequence[Feature]) -> list[Finding]:
    """The features that see an event at or after the moment of which they tell."""
    with in_memory() as connection:
        world = _small_world(connection, sources)
        cuts = _cuts(connection)
    if not cuts:
        return []
    with in_memory() as whole:
        genres = len(build(whole, world, features))
        found = dict[str, Finding]()
        for cut in cuts:
            for feature, finding in _differing(whole, world, features, cut, genres):
                found.setdefault(feature, finding)
    return list(found.values())


def _small_world(connection: "DuckDBPyConnection", sources: Sources) -> Sources:
    connection.register("given_ratings", sources.ratings)
    connection.register("given_events", sources.events)
    connection.execute(f"CREATE TEMP VIEW activity AS {_ALL}")
    for name in _IDS:
        connection.execute(_BUSIEST.format(id=name, most=BUSIEST))
    parts = [_OF_BUSIEST.format(id=name, events=EVENTS_OF_EACH) for name in _IDS]
    connection.execute(f"CREATE TEMP TABLE world AS ({parts[0]}) UNION ({parts[1]})")
    rows = connection.sql("SELECT * FROM world ORDER BY ALL").to_arrow_table()
    given = pac.equal(rows["kind"], "given")
    movies = sources.movies.filter(pac.is_in(sources.movies["movie_id"], rows["movie_id"]))
    return Sources(rows.filter(given).select(sources.ratings.column_names), rows.filter(pac.invert(given)), movies)


def _cuts(connection: "DuckDBPyConnection") -> list[datetime]:
    """Moments with something before, at and after them."""
    parts = [_MIDDLES.format(id=name, most=CUTS) for name in _IDS]
    cuts = connection.sql(f"({parts[0]}) UNION ({parts[1]}) ORDER BY ts").fetchall()
    return [cut for (cut,) in cuts]


def _differing(
    whole: "DuckDBPyConnection", world: Sources, features: Sequence[Feature], cut: datetime, genres: int
) -> Iterator[tuple[str, Finding]]:
    """By name, the features whose values at a moment are other ones without what came then and later."""
    with in_memory() as before:
        build(before, _before(world, cut), features)
        for entity in Entity:
            declared = [feature for feature in features if feature.entity is entity]
            asked = _asked(world, entity, cut)
            query = f"{features_at([entity], 'asked', features, genres)} ORDER BY {', '.join(entity.ids)}"
            seen, true = (_read(connection, query, asked) for connection in (whole, before))
            for feature in declared:
                if finding := _difference(feature, seen, true):
                    yield feature.name, finding
        then = "FROM training_examples WHERE ts = $cut ORDER BY user_id, movie_id"
        examples = whole.sql(then, params={"cut": cut}).to_arrow_table()
        query = f"{features_at(ALL, 'asked', features, genres)} ORDER BY user_id, movie_id"
        true = _read(before, query, examples.select([*_IDS, "ts"]))
        for feature in features:
            if finding := _difference(feature, examples, true):
                yield feature.name, finding


def _before(world: Sources, cut: datetime) -> Sources:
    ratings, events = (
        rows.filter(pac.less(rows["ts"], pa.scalar(cut, pa.timestamp("us")))) for rows in (world.ratings, world.events)
    )
    return Sources(ratings, events, world.movies)


def _asked(world: Sources, entity: Entity, cut: datetime) -> pa.Table:
    ids = pa.concat_tables([rows.select(list(entity.ids)) for rows in (world.ratings, world.events)])
    distinct = ids.group_by(list(entity.ids)).aggregate([])
    return distinct.append_column("ts", pa.repeat(pa.scalar(cut, pa.timestamp("us")), distinct.num_rows))


def _read(connection: "DuckDBPyConnection", query: str, asked: pa.Table) -> pa.Table:
    connection.register("asked", asked)
    return connection.sql(query).to_arrow_table()


def _difference(feature: Feature, seen: pa.Table, true: pa.Table) -> Finding | None:
    values = zip(seen[feature.name].to_pylist(), true[feature.name].to_pylist(), strict=True)
    rows = [row for row, (one, other) in enumerate(values) if one != other]
    if not rows:
        return None
    shown = [
        {
            **{name: seen[name][row].as_py() for name in (*feature.entity.ids, "ts", feature.name)},
            "without what came later": true[feature.name][row].as_py(),
        }
        for row in rows[:SHOWN_ROWS]
    ]
    text = f"looks ahead: it sees what happened at or after its moment, in {len(rows):,} of {seen.num_rows:,} rows"
    return Finding(NO_LOOK_AHEAD, feature.name, text, shown)

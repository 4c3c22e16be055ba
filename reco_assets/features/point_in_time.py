"""Pure: the SQL that reads features as they were just before a moment, whoever asks for it.

A moment is a second, the finest that tables tell apart: what happened in the second that is asked for is not seen.
"""

from collections.abc import Sequence

from reco_assets.features.declarations import GENRES, Entity, Feature

ALL = tuple(Entity)
HISTORIES = {entity: f"{entity.value}_features_history" for entity in Entity}
_PAST = {Entity.USER: "of_user", Entity.MOVIE: "of_movie", Entity.USER_MOVIE: "of_pair"}
_MOVIE = "LEFT JOIN movies AS movie ON movie.movie_id = asked.movie_id"


def features_at(entities: Sequence[Entity], asked: str, features: Sequence[Feature], genres: int) -> str:
    """A query for the columns of `asked` and the entities' features just before each `asked.ts`.

    Args:
        entities: Of whom the features tell.
        asked: A table or subquery with ts and the ids of the entities.
        features: The declarations.
        genres: How many genres the store has.
    """
    wanted = [feature for feature in features if feature.entity in entities]
    values = ", ".join(f"{_value(feature, genres)} AS {feature.name}" for feature in wanted)
    return f"SELECT asked.*, {values} FROM {asked} AS asked {' '.join(_joins(entities))}"


def sql_type(feature: Feature, genres: int) -> str:
    """The feature's type in a store of so many genres."""
    return f"FLOAT[{genres}]" if feature.type == GENRES else feature.type


def _value(feature: Feature, genres: int) -> str:
    kind = sql_type(feature, genres)
    unseen = [feature.unseen] * genres if feature.type == GENRES else feature.unseen
    known = feature.at or f"{_PAST[feature.entity]}.{feature.name}"
    return f"coalesce(CAST({known} AS {kind}), CAST({unseen} AS {kind}))"


def _joins(entities: Sequence[Entity]) -> list[str]:
    """What a pair is told by is also the user's past."""
    pasts = {*entities, *([Entity.USER] if Entity.USER_MOVIE in entities else [])}
    joins = [_past(entity) for entity in ALL if entity in pasts]
    return joins if set(entities) == {Entity.USER} else [*joins, _MOVIE]


def _past(entity: Entity) -> str:
    past = _PAST[entity]
    same = " AND ".join(f"{past}.{name} = asked.{name}" for name in entity.ids)
    return f"ASOF LEFT JOIN {HISTORIES[entity]} AS {past} ON {same} AND {past}.ts < asked.ts"

"""Whether every value of a version keeps its feature's rule: a look at the finished tables."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from reco_assets.features.declarations import GENRES, Feature
from reco_assets.features.finding import RULES, SHOWN_ROWS, Finding
from reco_assets.features.point_in_time import HISTORIES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_VALUE = re.compile(r"\bvalue\b")


def broken_rules(connection: "DuckDBPyConnection", features: Sequence[Feature], genres: int) -> list[Finding]:
    """What breaks a rule: at any moment, or now where a feature follows from the time."""
    return [
        finding
        for table, declared in groupby(sorted(features, key=_table), key=_table)
        for finding in _broken_in(connection, table, list(declared), genres)
    ]


def _table(feature: Feature) -> str:
    return HISTORIES[feature.entity] if feature.after else f"{feature.entity.value}_features"


def _broken_in(
    connection: "DuckDBPyConnection", table: str, features: Sequence[Feature], genres: int
) -> Iterator[Finding]:
    broken = [f"NOT coalesce({_holds(feature, genres)}, false)" for feature in features]
    counted = ", ".join(f"count(*) FILTER ({each})" for each in broken)
    (*counts, rows_in_all), *_ = connection.execute(f"SELECT {counted}, count(*) FROM {table}").fetchall()
    for feature, wrong, count in zip(features, broken, counts, strict=True):
        if count:
            columns = ", ".join([*feature.entity.ids, "ts", feature.name])
            query = f"SELECT {columns} FROM {table} WHERE {wrong} ORDER BY ALL LIMIT {SHOWN_ROWS}"
            rows = connection.sql(query).to_arrow_table().to_pylist()
            text = f"breaks its rule ({feature.check}) in {count:,} of {rows_in_all:,} rows"
            yield Finding(RULES, feature.name, text, rows)


def _holds(feature: Feature, genres: int) -> str:
    """The rule over the feature's column; over each of its numbers where it has one per genre."""
    columns = [f"{feature.name}[{at + 1}]" for at in range(genres)] if feature.type == GENRES else [feature.name]
    return " AND ".join(f"({_VALUE.sub(column, feature.check)})" for column in columns)

"""Ratings to split, and the two ways of splitting them: in memory, and by frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from pyspark.sql.pandas.types import from_arrow_schema

from reco_assets.split import arrays
from reco_assets.split import plan as frames
from resources.settings.split import SplitSettings

Rating = tuple[int, int, float]  # user, movie, second
Placed = tuple[int, int, str]  # user, movie, side
TIMESTAMP = pa.timestamp("us", tz="UTC")
POLICY = "p"


def ratings(rows: Sequence[Rating]) -> pa.Table:
    """Silver ratings of (user, movie, second)."""
    users, movies, seconds = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table(
        {
            "user_id": pa.array(users, pa.int32()),
            "movie_id": pa.array(movies, pa.int32()),
            "rating": pa.array([4.0] * len(rows), pa.float32()),
            "rating_ts": pa.array([datetime.fromtimestamp(second, UTC) for second in seconds], TIMESTAMP),
        }
    )


def placed(pairs: Sequence[Placed], column: str) -> pa.Table:
    users, movies, sides = zip(*pairs, strict=True) if pairs else ((), (), ())
    ids = {"user_id": pa.array(users, pa.int32()), "movie_id": pa.array(movies, pa.int32())}
    return pa.table({**ids, column: pa.array(sides, pa.string())})


@dataclass(frozen=True)
class World:
    """What a split is made of: ratings, and the sides that pairs had before, by an earlier run and by stream."""

    rows: Sequence[Rating]
    plan: SplitSettings
    earlier: Sequence[Placed] = ()
    streamed: Sequence[Placed] = ()


def in_memory(world: World) -> pa.Table:
    rows = ratings(world.rows)
    pairs = arrays.pairs_of(rows)
    sides = arrays.sides_by_plan(pairs, world.plan)
    for known in (world.streamed, world.earlier):
        sides = arrays.with_known(sides, pairs, placed(known, "side"), "side")
    return arrays.split_table(rows, pairs, sides, POLICY)


def by_frames(spark: Any, world: World) -> pa.Table:
    sided = frames.split_by_plan(frame_of(spark, ratings(world.rows)), world.plan)
    if world.streamed:
        sided = frames.keep_stream_sides(sided, frame_of(spark, placed(world.streamed, "split")))
    if world.earlier:
        earlier = placed(world.earlier, "side").append_column("policy", pa.array([POLICY] * len(world.earlier)))
        sided = frames.keep_sides(sided, frame_of(spark, earlier), POLICY)
    return frames.as_split_ratings(sided, POLICY).toArrow()


def frame_of(spark: Any, table: pa.Table) -> Any:
    return spark.createDataFrame(table if len(table) else [], from_arrow_schema(table.schema))


def sides_of(split: pa.Table) -> dict[Rating, str]:
    """{(user, movie, second): side}; a rating with two sides fails."""
    found = [((r["user_id"], r["movie_id"], r["rating_ts"].timestamp()), r["side"]) for r in split.to_pylist()]
    assert len(dict(found)) == len(found)
    return dict(found)

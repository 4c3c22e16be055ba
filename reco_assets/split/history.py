"""History's split: every silver rating with its side, made in memory or, what is too large for that, by Spark's frames.

A pair keeps the side that it got before: that of an earlier run under the same policy, else the one it was streamed
with.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds

from reco_assets.sources.presplit import came_split
from reco_assets.sources.raw_tables import raw_dataset, raw_frame
from reco_assets.sources.source import SOURCE_FILE
from reco_assets.split import arrays, plan
from reco_assets.split.futures import ORDER, write_futures_csv, write_in_order
from reco_assets.split.ties import CUT_BY, Ties, ties_of_frame, ties_of_table
from reco_assets.tables import (
    BRONZE_RATINGS,
    FUTURE_RATINGS,
    SILVER_RATINGS,
    SPLIT_RATINGS,
    STREAM_RATINGS,
    TRAIN_RATINGS,
)
from reco_assets.vocabulary import AS_DELIVERED, LEARNED_SIDES, PAIR, SIDES
from resources.tables.lakehouse import Lakehouse
from resources.tables.sorting import rows_in_order

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROW = [field.name for field in TRAIN_RATINGS.schema.fields]


def policy_of(lakehouse: Lakehouse) -> str:
    """The name of the rule that the ratings are split by. Raises `LakehouseError` where there are none."""
    return AS_DELIVERED if came_split(lakehouse.dataset(BRONZE_RATINGS.name)) else lakehouse.settings.split.policy()


def split_history(lakehouse: Lakehouse, policy: str) -> "pa.Table | DataFrame":
    """The rows of silver/split_ratings. Raises `LakehouseError` where there are no ratings."""
    fits = lakehouse.fits_memory(SILVER_RATINGS.name)
    return _in_memory(lakehouse, policy) if fits else _by_frames(lakehouse, policy)


def side_of_history(lakehouse: Lakehouse, side: str, version: int | None = None) -> "pa.RecordBatchReader | DataFrame":
    """The rows of silver/split_ratings (at a version) that are on a side, in the columns of the side's table.

    Streamed or, beyond the memory of Spark's driver, a frame: so never held as a whole. Raises `LakehouseError` where
    there is no split.
    """
    if lakehouse.goes_by_frames(SPLIT_RATINGS.name, version):
        frame = lakehouse.read(SPLIT_RATINGS.name, version)
        return frame.where(frame["side"] == side).select(*ROW)
    split = lakehouse.dataset(SPLIT_RATINGS.name, version, encoded=["origin"])
    return split.scanner(columns=ROW, filter=ds.field("side") == side).to_reader()


def ties_of_split(lakehouse: Lakehouse, policy: str) -> Ties:
    """The ties that the cuts of silver/split_ratings lie in. Raises `LakehouseError` where there is no split."""
    strategy = policy.partition(":")[0]
    if strategy not in CUT_BY:
        return Ties()
    if lakehouse.goes_by_frames(SPLIT_RATINGS.name):
        frame = lakehouse.read(SPLIT_RATINGS.name)
        return ties_of_frame(frame.where(frame["side"].isin(*LEARNED_SIDES)), strategy)
    split = lakehouse.dataset(SPLIT_RATINGS.name, encoded=["side"])
    learned = ds.field("side").isin(pa.array(LEARNED_SIDES))
    return ties_of_table(split.to_table(["user_id", "rating_ts", "side"], learned), strategy)


def export_futures(lakehouse: Lakehouse, path: Path) -> int:
    """Write silver/future_ratings as one CSV file, oldest first; returns how many rows it has.

    Raises `LakehouseError` where there is no such table, `NoRegularFileError`.
    """
    if not lakehouse.goes_by_frames(FUTURE_RATINGS.name):
        return write_futures_csv(lakehouse.dataset(FUTURE_RATINGS.name).to_table(arrays.RATING), path)
    frame = lakehouse.read(FUTURE_RATINGS.name).select(*arrays.RATING)
    with rows_in_order(lakehouse, FUTURE_RATINGS.name, frame, ORDER) as rows:
        return write_in_order(rows, path)


def _in_memory(lakehouse: Lakehouse, policy: str) -> pa.Table:
    ratings = lakehouse.dataset(SILVER_RATINGS.name).to_table(columns=arrays.RATING)
    pairs = arrays.pairs_of(ratings)
    if policy == AS_DELIVERED:
        raw, _ = raw_dataset(lakehouse, BRONZE_RATINGS.name)
        files = {side: raw.to_table(PAIR, ds.field(SOURCE_FILE) == f"{side}.txt") for side in SIDES}
        sides = arrays.sides_as_delivered(pairs, files)
    else:
        sides = arrays.sides_by_plan(pairs, lakehouse.settings.split)
    for name, column, rows in (
        (STREAM_RATINGS.name, "split", None),
        (SPLIT_RATINGS.name, "side", ds.field("policy") == policy),
    ):
        if lakehouse.exists(name):
            placed = lakehouse.dataset(name, encoded=[column]).to_table(columns=[*PAIR, column], filter=rows)
            sides = arrays.with_known(sides, pairs, placed, column)
    return arrays.split_table(ratings, pairs, sides, policy)


def _by_frames(lakehouse: Lakehouse, policy: str) -> "DataFrame":
    ratings = lakehouse.read(SILVER_RATINGS.name)
    if policy == AS_DELIVERED:
        raw, _ = raw_frame(lakehouse, BRONZE_RATINGS.name)
        sided = plan.split_as_delivered(ratings, plan.delivered_sides(raw))
    else:
        sided = plan.split_by_plan(ratings, lakehouse.settings.split)
    if lakehouse.exists(STREAM_RATINGS.name):
        sided = plan.keep_stream_sides(sided, lakehouse.read(STREAM_RATINGS.name))
    if lakehouse.exists(SPLIT_RATINGS.name):
        sided = plan.keep_sides(sided, lakehouse.read(SPLIT_RATINGS.name), policy)
    rows = plan.as_split_ratings(sided, policy)
    # So who reads a side, or some users, skips the other files and row groups, as in memory.
    return rows.orderBy("side", *PAIR) if lakehouse.engine.name == "spark" else rows

"""The rows of a side with what accepted batches bring to it, as DataFrames: what `merge` does in memory. Pure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from reco_assets.batches.last_values import REPLACES
from reco_assets.vocabulary import KEY, LEARNED_SIDES, PAIR

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ACCEPTED = ["accepted", "line"]  # the order in which rows were accepted
BEFORE_ALL = -1  # the place of history's rows among those of batches


def rebuilt_frame(
    history: "DataFrame", stream: "DataFrame", known: "DataFrame", batches: Sequence[str], side: str
) -> "tuple[DataFrame, int]":
    """The rows of a side, and how many of them stand in place of an earlier value; the second is counted at once.

    Args:
        history: The rows of the side's table that history brings.
        stream: Rows of stream/ratings.
        known: user_id, movie_id and side of all that history has.
        batches: Those that are accepted, in the order of acceptance.
        side: The side's name.
    """
    brought = _rows_of_side(stream, known, batches, side).select(*history.columns, *ACCEPTED)
    keys = brought.select(*KEY).distinct()
    before = history.join(keys, KEY, "left_semi")
    held = before.withColumn("accepted", F.lit(BEFORE_ALL)).withColumn("line", F.lit(0).cast("long"))
    last = _last_values(held.unionByName(brought))
    corrected = last.agg(F.coalesce(F.sum(F.col(REPLACES).cast("long")), F.lit(0))).collect()[0][0]
    kept = history.join(keys, KEY, "left_anti").select(*history.columns)
    return kept.unionByName(last.select(*history.columns)), int(corrected)


def _rows_of_side(stream: "DataFrame", known: "DataFrame", batches: Sequence[str], side: str) -> "DataFrame":
    """As `merge.rows_of_side`: those that batches bring, with the place of their batch and their line in it."""
    places = stream.sparkSession.createDataFrame([*enumerate(batches)], "accepted int, batch string")
    learned = known.where(F.col("side").isin(*LEARNED_SIDES)).select(*PAIR, "side").distinct()
    sided = stream.join(places, "batch").join(learned, PAIR, "left")
    return sided.where(F.coalesce("side", "split") == F.lit(side)).withColumn("origin", F.col("batch"))


def _last_values(rows: "DataFrame") -> "DataFrame":
    """As `last_values`: of each key the last row that says something other than the row before it, with `replaces`."""
    of_key = Window.partitionBy(*KEY).orderBy(*ACCEPTED)
    before = F.lag("rating").over(of_key)
    steps = rows.withColumn("before", before).where("before IS NULL OR before <> rating")
    newest = Window.partitionBy(*KEY).orderBy(*(F.desc(name) for name in ACCEPTED))
    numbered = steps.withColumn("from_the_last", F.row_number().over(newest))
    return numbered.where("from_the_last = 1").withColumn(REPLACES, F.col("before").isNotNull())

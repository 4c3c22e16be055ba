"""Which side every rating is on: train, test or future. Pure functions of DataFrames, for the larger engine.

The unit is the (user, movie) pair: both rows of a pair rated twice are on one side, and a pair that an earlier
run placed stays where it was, or old test rows would leak into training when ratings arrive.
"""

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from reco_assets.split.arrays import SHARES
from reco_assets.vocabulary import FUTURE, HISTORY, PAIR, SIDES, TEST, TRAIN

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from resources.settings.split import SplitSettings

_RATING = ("user_id", "movie_id", "rating", "rating_ts")


def split_by_plan(ratings: "DataFrame", plan: "SplitSettings") -> "DataFrame":
    """silver/ratings + `side`: the newest slice of all first, then each strategy's own rule on the rest."""
    pairs = ratings.groupBy(*PAIR).agg(F.max("rating_ts").alias("last_ts"))
    dated = pairs.withColumn("is_future", _newest(pairs, plan.future_fraction))
    side = F.when(F.col("is_future"), FUTURE).when(_is_test(dated, plan), TEST).otherwise(TRAIN)
    sided = dated.select(*PAIR, side.alias("side"))
    return ratings.join(sided, PAIR)


def delivered_sides(delivered: "DataFrame") -> "DataFrame":
    """user_id, movie_id and `side` of each pair of raw rows, by the name of its file, train.txt …

    A pair in more than one file is on the side of the first of train, test, future: never tested on what was
    trained on.
    """
    side = F.regexp_extract("_source_file", r"^(\w+)\.txt$", 1)
    names = F.array(*(F.lit(name) for name in SIDES))
    at = F.array_position(names, side)
    pairs = delivered.select(*PAIR, at.alias("at"))
    first = pairs.dropna().groupBy(*PAIR).agg(F.min("at").cast("int").alias("at"))
    return first.select(*PAIR, F.element_at(names, F.col("at")).alias("side"))


def split_as_delivered(ratings: "DataFrame", delivered: "DataFrame") -> "DataFrame":
    """silver/ratings + `side`, as `delivered_sides` has it; a pair that came as an event is trained on."""
    return ratings.join(delivered, PAIR, "left").withColumn("side", F.coalesce("side", F.lit(TRAIN)))


def keep_sides(sided: "DataFrame", previous: "DataFrame", policy: str) -> "DataFrame":
    """Give pairs that an earlier run placed under the same policy their earlier side."""
    placed = previous.where(F.col("policy") == F.lit(policy)).groupBy(*PAIR).agg(F.min("side").alias("placed"))
    joined = sided.join(placed, PAIR, "left")
    return joined.withColumn("side", F.coalesce("placed", "side")).drop("placed")


def keep_stream_sides(sided: "DataFrame", stream: "DataFrame") -> "DataFrame":
    """Give pairs that were streamed before history had them the side that they were staged with."""
    staged = stream.groupBy(*PAIR).agg(F.min("split").alias("staged"))
    joined = sided.join(staged, PAIR, "left")
    return joined.withColumn("side", F.coalesce("staged", "side")).drop("staged")


def as_split_ratings(sided: "DataFrame", policy: str) -> "DataFrame":
    """The columns of silver/split_ratings."""
    return sided.select(*_RATING, F.lit(HISTORY).alias("origin"), "side", F.lit(policy).alias("policy"))


def _is_test(pairs: "DataFrame", plan: "SplitSettings") -> "Column":
    """A condition on pairs (user_id, movie_id, last_ts, is_future); what it says of future pairs means nothing."""
    if plan.strategy == "random":
        share = F.pmod(F.xxhash64("user_id", "movie_id", F.lit(plan.seed)), F.lit(SHARES))
        return share < F.lit(round(plan.test_fraction * SHARES))
    if plan.strategy == "global":
        return _newest(pairs.where(~F.col("is_future")), plan.test_fraction)
    of_user = Window.partitionBy("user_id", "is_future")
    rank = F.row_number().over(of_user.orderBy(F.desc("last_ts"), _hash().desc()))
    pairs_of_user = F.count(F.lit(1)).over(of_user)
    return rank <= F.floor(pairs_of_user * F.lit(plan.test_fraction))


def _hash() -> "Column":
    """As in memory: what tells pairs at the same time apart."""
    return F.xxhash64(*PAIR)


def _newest(pairs: "DataFrame", fraction: float) -> "Column":
    """Whether a pair is in the newest fraction of all, rounded down; of those at the same time who is, a hash says.

    The cut is found from counts per day, per second of the day that it is in, and so on: each is few rows, also where
    all ratings are of one time.
    """
    if fraction == 0:
        return F.lit(False)
    newest, tied, wanted = F.lit(False), F.lit(True), None
    second = F.unix_seconds("last_ts")
    day, part_of_hash = F.floor(second / F.lit(86_400)), F.shiftright(_hash(), 48)
    for key in (day, second, F.unix_micros("last_ts"), part_of_hash, _hash()):
        counts = pairs.where(tied).groupBy(key.alias("at")).agg(F.count(F.lit(1)).alias("pairs")).collect()
        if wanted is None:
            wanted = int(sum(row["pairs"] for row in counts) * fraction)
        cut, newer = _cut([(row["at"], row["pairs"]) for row in counts], wanted)
        newest, tied, wanted = newest | tied & (key > F.lit(cut)), tied & (key == F.lit(cut)), wanted - newer
        if wanted == 0:
            break
    return newest


def _cut(counts: list[tuple[int, int]], wanted: int) -> tuple[int, int]:
    """The highest key at or above which more than `wanted` pairs lie, and how many lie above it."""
    newer = 0
    for at, pairs in sorted(counts, reverse=True):
        if newer + pairs > wanted:
            return at, newer
        newer += pairs
    return -1, newer

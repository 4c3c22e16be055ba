"""Raw ratings to silver/ratings and its quarantine. Pure.

Every raw row ends in exactly one place: silver, quarantine (with its reasons), or it is an exact duplicate of a row
that is in silver. Of rows with one key (user_id, movie_id, second) and different ratings the last one read wins.
"""

from datetime import datetime
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

import pyarrow as pa

from reco_assets.silver.quarantine import Cleaned, keep_rules, quarantine
from reco_assets.silver.repeats import Settled, may_repeat, settle
from reco_assets.silver.times import in_time, with_time_frame
from reco_assets.sources.layout import RawForm
from reco_assets.sources.rules import latest_second
from reco_assets.sources.source import LINE, SOURCE_FILE
from reco_assets.sources.typed import RESCUED

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

RAW_KEY = ("user_id", "movie_id", "timestamp")
NEEDED = (*RAW_KEY, "rating")
RAW = (*NEEDED, RESCUED, LINE, SOURCE_FILE)
_SILVER = ["user_id", "movie_id", "rating", "rating_ts", "year", "month"]


def clean_ratings(rows: pa.Table, form: RawForm, now: datetime) -> Cleaned[pa.RecordBatchReader]:
    """Raw ratings, of the columns `RAW`, whose lines are written in `form`.

    A rating more than `CLOCK_SKEW` after `now` is refused as one of the future. `good` is made as it is read.
    """
    good = keep_rules(rows, NEEDED, now)
    refused = rows.filter(pa.array(~good))
    places = may_repeat(rows, RAW_KEY)
    places = places[good[places]]
    rivals = rows.take(pa.array(places))
    settled = _settled(rivals)
    good[places] = settled.kept
    kept = in_time(rows.select(NEEDED), good, "rating_ts")
    return Cleaned(kept, quarantine(refused, rivals.filter(pa.array(settled.lost)), form, now))


def clean_rating_frame(rows: "DataFrame", form: RawForm, now: datetime) -> Cleaned["DataFrame"]:
    """As `clean_ratings`, for more rows than one machine holds: only odd ones, and conflicts, are collected."""
    from pyspark.sql import functions as F

    rows = rows.select(*RAW)
    dated = F.col("timestamp") <= F.lit(latest_second(now))
    good = reduce(and_, (F.col(name).isNotNull() for name in NEEDED)) & dated
    lowest, highest = F.min("rating").alias("rating"), F.max("rating").alias("highest")
    # Grouped for the conflicts, and again where it is written: on Spark, of 5 M rows, persisting saves 4 of 22 s of
    # processor time, and would hold all rows on the executors until the caller, who writes them, lets them go.
    grouped = rows.where(good).groupBy(*RAW_KEY).agg(lowest, highest)
    agreed = F.col("rating") == F.col("highest")
    rivals = rows.where(good).join(grouped.where(~agreed).select(*RAW_KEY), list(RAW_KEY)).select(*RAW)
    odd = rows.where(~F.coalesce(good, F.lit(False))).unionByName(rivals).toArrow()
    kept = keep_rules(odd, NEEDED, now)
    rivalling = odd.filter(pa.array(kept))
    settled = _settled(rivalling)
    winners = rivalling.filter(pa.array(settled.kept)).select(NEEDED)
    good_rows = grouped.where(agreed).select(*NEEDED)
    if len(winners):
        good_rows = good_rows.unionByName(rows.sparkSession.createDataFrame(winners))
    quarantined = quarantine(odd.filter(pa.array(~kept)), rivalling.filter(pa.array(settled.lost)), form, now)
    return Cleaned(with_time_frame(good_rows, "rating_ts").select(*_SILVER), quarantined)


def _settled(rivals: pa.Table) -> Settled:
    return settle(rivals, RAW_KEY, ("rating",), order=(SOURCE_FILE, LINE))

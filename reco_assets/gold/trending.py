"""Pure: which movies people turn to now, each view, click and rating counting the less the older it is."""

from collections.abc import Iterable
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

COUNTED = ("view", "click", "rating")  # each step of a visit counts one: who rates has also viewed and clicked
COLUMNS = ("event_type", "movie_id", "event_ts")
_MICROSECONDS_PER_DAY = 86_400_000_000
_COLUMNS = pa.schema(
    {
        "movie_id": pa.int32(),
        "score": pa.float64(),
        "events": pa.int64(),
        "rank": pa.int32(),
        "as_of": pa.timestamp("us", tz="UTC"),
    }
)


def trending_rows(batches: Iterable[pa.RecordBatch], as_of: datetime | None, half_life_days: float) -> pa.Table:
    """The score of every movie that an event names: Σ 2^(-(as_of - event_ts) / half-life), and its rank from 1.

    Args:
        batches: Events with `COLUMNS`, in any order; only `COUNTED` types with a movie count.
        as_of: The time of the newest of them; None where there is none.
        half_life_days: Days after which an event counts half.

    Returns:
        movie_id, score, events, rank (ties by movie_id), as_of; the best first.
    """
    totals = _weights(np.zeros(0, np.int32), np.zeros(0))
    for batch in batches if as_of else ():
        counted = batch.filter(pac.is_in(batch["event_type"], pa.array(COUNTED)))
        moments = counted["event_ts"].cast(pa.int64()).to_numpy(zero_copy_only=False)
        age = pa.scalar(as_of, pa.timestamp("us", tz="UTC")).value - moments
        weights = np.exp2(-age / (half_life_days * _MICROSECONDS_PER_DAY))
        totals = _together(pa.concat_tables([totals, _weights(counted["movie_id"], weights)]))
    best_first = totals.sort_by([("score", "descending"), ("movie_id", "ascending")])
    columns = (*best_first.columns, np.arange(1, len(totals) + 1, dtype=np.int32), [as_of] * len(totals))
    return pa.table(list(columns), schema=_COLUMNS)


def newest_of(batches: Iterable[pa.RecordBatch]) -> datetime | None:
    """The newest event_ts; None without a row."""
    newest = [pac.max(batch["event_ts"]).as_py() for batch in batches if len(batch)]
    return max(newest, default=None)


def _weights(movies: pa.Array | np.ndarray, weights: np.ndarray) -> pa.Table:
    ones = np.ones(len(weights), np.int64)
    return pa.table({"movie_id": pa.array(movies), "score": weights, "events": ones})


def _together(rows: pa.Table) -> pa.Table:
    """One row per movie, with the sums."""
    summed = rows.group_by("movie_id", use_threads=False).aggregate([("score", "sum"), ("events", "sum")])
    return summed.rename_columns(["movie_id", "score", "events"])

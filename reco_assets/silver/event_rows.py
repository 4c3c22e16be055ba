"""Rating events of events/log as raw ratings, beside those of files. Pure.

Their `_source_file` is "events/log" with the topic and partition that each came from, and `_line` its offset there + 1:
lines are counted from 1. Both name the event for good. `_rescued` is their raw text, whole.
"""

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.silver.quarantine import EVENT_FORM
from reco_assets.sources.source import LINE, SOURCE_FILE
from reco_assets.sources.typed import RESCUED, text_of
from reco_assets.tables import EVENTS_LOG

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

RATED = "rating"  # the event_type of events that are ratings
PLACE = ["source", "topic", "partition"]
LOGGED = ["user_id", "movie_id", "rating", "event_ts", *PLACE, "offset"]


def event_rows(log: pa.Table) -> pa.Table:
    """Rating events, with the columns `LOGGED`, in those of raw ratings."""
    seconds = log["event_ts"].cast(pa.timestamp("s", "UTC"), safe=False).cast(pa.int64())
    source = pac.binary_join_element_wise(EVENTS_LOG.name, *(log[name].cast(pa.string()) for name in PLACE), "/")
    given = {name: log[name] for name in ("user_id", "movie_id", "rating")} | {"timestamp": seconds}
    rows = pa.table(given | {RESCUED: pa.nulls(len(log), pa.string())})
    texts = [text_of(batch, EVENT_FORM) for batch in rows.combine_chunks().to_batches()]
    said = [pa.chunked_array([text[name] for text in texts], pa.string()) for name in EVENT_FORM.fields[:3]]
    raw = pac.binary_join_element_wise(*said, _moment(log["event_ts"]), ",")
    return pa.table({**given, RESCUED: raw, LINE: pac.add(log["offset"], 1), SOURCE_FILE: source})


def event_frame(log: "DataFrame") -> "DataFrame":
    """The rating events of a log of any size, as `event_rows`."""
    from pyspark.sql import functions as F

    log = log.where(F.col("event_type") == F.lit(RATED))
    raw = F.concat_ws(",", *(F.col(name).cast("string") for name in LOGGED[:4]))
    source = F.concat_ws("/", F.lit(EVENTS_LOG.name), *(F.col(name).cast("string") for name in PLACE))
    made = {"timestamp": F.unix_seconds("event_ts"), RESCUED: raw, LINE: F.col("offset") + 1, SOURCE_FILE: source}
    return log.select("user_id", "movie_id", "rating", *(column.alias(name) for name, column in made.items()))


def _moment(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """As an engine writes a time: a fraction of a second only where there is one, without noughts behind it."""
    text = pac.strftime(times.cast(pa.timestamp("us")), "%Y-%m-%d %H:%M:%S")
    return pac.replace_substring_regex(text, r"\.?0+$", "")

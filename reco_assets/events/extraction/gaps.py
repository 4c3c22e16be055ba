"""The gaps that the dead letters hold: what a check asks, so that none is missed where a run ended before it told."""

from datetime import datetime

import pyarrow.dataset as ds

from reco_assets.events.extraction.counts import lost_line
from reco_assets.events.extraction.judged import OLDER_THAN_RETENTION
from reco_assets.events.extraction.messages import Gap, Partition
from reco_assets.tables import DEAD_LETTERS
from resources.tables.lakehouse import Lakehouse

_COLUMNS = ["source", "topic", "partition", "offset", "messages", "reasons"]


def gaps_since(lakehouse: Lakehouse, moment: datetime) -> list[str]:
    """A line for each gap that was found since then."""
    if not lakehouse.exists(DEAD_LETTERS.name):
        return []
    wanted = (ds.field("ingested_ts") >= moment) & ds.field("raw").is_null()
    rows = lakehouse.dataset(DEAD_LETTERS.name).to_table(columns=_COLUMNS, filter=wanted).to_pylist()
    return [
        lost_line(Gap(Partition(row["source"], row["topic"], row["partition"], 0, 0), row["offset"], row["messages"]))
        for row in rows
        if row["reasons"] == [OLDER_THAN_RETENTION]
    ]

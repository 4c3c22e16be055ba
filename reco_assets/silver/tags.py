"""Raw tags to silver/tags and its quarantine. Pure."""

from datetime import datetime

import pyarrow as pa

from reco_assets.silver.quarantine import Cleaned, keep_rules, quarantine
from reco_assets.silver.times import in_time
from reco_assets.sources.layout import RawForm

_SAID = ["user_id", "movie_id", "tag", "timestamp"]


def clean_tags(rows: pa.Table, form: RawForm, now: datetime) -> Cleaned[pa.RecordBatchReader]:
    """Raw tags, whose lines are written in `form`. Repeated tags are kept: the document names no key.

    A tag more than `CLOCK_SKEW` after `now` is refused as one of the future.
    """
    good = keep_rules(rows, _SAID, now)
    refused = rows.filter(pa.array(~good))
    return Cleaned(in_time(rows.select(_SAID), good, "tag_ts"), quarantine(refused, refused.slice(0, 0), form, now))

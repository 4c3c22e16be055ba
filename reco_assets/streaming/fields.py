"""The rules on the fields of streamed lines, on a block at once: text in, typed columns and broken rules out. Pure.

The rules on ids and ratings are those of silver (`sources.rules`); dates alone, which may have a time, have their own.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.sources.layout import RawForm
from reco_assets.sources.rules import broken_by_field
from reco_assets.sources.typed import typed, whole_stars_among

DAY_SECONDS = 86_400
GOOD = pa.schema(
    {
        "line": pa.int64(),
        "user_id": pa.int32(),
        "movie_id": pa.int32(),
        "rating": pa.float32(),
        "rating_ts": pa.timestamp("us", tz="UTC"),
    }
)

_FIELDS = {"user_id": "CUST_ID", "movie_id": "MOVIE_ID", "rating": "RATING"}
_MOMENT = "^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2})?$"
_EPOCH_TEXT, _MIDNIGHT = "1970-01-01 00:00:00", " 00:00:00"


def judge(text: Mapping[str, pa.Array], numbers: np.ndarray, latest: int) -> tuple[pa.Table, dict[str, np.ndarray]]:
    """Fields as text (n,) each to rows (n,), meaningless where a rule is broken, and {rule: where it is broken (n,)}.

    `numbers`: of the lines, (n,); `latest`: the Unix second after which a rating is of the future.
    """
    fields = {name: text[column] for name, column in _FIELDS.items()}
    values = typed(fields, RawForm(tuple(fields), whole_stars_among(fields["rating"])))
    broken = broken_by_field(fields, values)
    seconds, dated = _seconds(text["DATE"])
    broken |= {"invalid_date": ~dated, "future_date": dated & (seconds > latest)}
    times = pa.array(seconds * 1_000_000).cast(pa.timestamp("us", tz="UTC"))
    return pa.table([pa.array(numbers), *(values[name] for name in fields), times], schema=GOOD), broken


def _seconds(dates: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Dates as text (n,) to Unix seconds (n,) int64 and where they are dates of the calendar since 1970 (n,) bool."""
    shaped = _matches(dates, _MOMENT)
    padded = pac.binary_join_element_wise(_where(shaped, dates, _EPOCH_TEXT), _MIDNIGHT, "").cast(pa.binary())
    width = len(_EPOCH_TEXT)
    fixed = pac.binary_slice(padded, 0, width).cast(pa.binary(width))
    # A view of the digits: parsing text to timestamps refuses a whole array for one 30th of February.
    text = np.frombuffer(fixed.buffers()[1], np.uint8)[fixed.offset * width :][: len(fixed) * width]
    digits = text.reshape(-1, width).astype(np.int64) - ord("0")
    year = digits[:, 0] * 1000 + digits[:, 1] * 100 + digits[:, 2] * 10 + digits[:, 3]
    month, day, hour, minute, second = (digits[:, at] * 10 + digits[:, at + 1] for at in (5, 8, 11, 14, 17))
    start = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    date = start.astype("datetime64[D]") + (day - 1)
    real = (month >= 1) & (month <= 12) & (date.astype("datetime64[M]") == start)
    real &= (year >= 1970) & (hour < 24) & (minute < 60) & (second < 60)
    seconds = date.astype(np.int64) * DAY_SECONDS + hour * 3600 + minute * 60 + second
    return np.where(real, seconds, 0), shaped & real


def _matches(text: pa.Array, pattern: str) -> np.ndarray:
    return np.asarray(pac.match_substring_regex(text, pattern))


def _where(condition: np.ndarray, text: pa.Array, otherwise: str) -> pa.Array:
    return pac.if_else(pa.array(condition), text, otherwise)

"""The rules on the fields of streamed lines, on a block at once: text in, typed columns and broken rules out. Pure.

The rules on ids and ratings are those of silver (`sources.typed`), without an engine.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.vocabulary import HIGHEST_RATING, INT32_MAX, LOWEST_RATING, RATING_STEP

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

_ID = "^[0-9]{1,18}$"
_NUMBER = r"^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,2})?$"
_MOMENT = "^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2})?$"
_EPOCH_TEXT, _MIDNIGHT = "1970-01-01 00:00:00", " 00:00:00"


def judge(text: Mapping[str, pa.Array], numbers: np.ndarray, latest: int) -> tuple[pa.Table, dict[str, np.ndarray]]:
    """Fields as text (n,) each to rows (n,), meaningless where a rule is broken, and {rule: where it is broken (n,)}.

    `numbers`: of the lines, (n,); `latest`: the Unix second after which a rating is of the future.
    """
    broken = {}
    ids = {}
    for column, name in (("user_id", "CUST_ID"), ("movie_id", "MOVIE_ID")):
        empty, digits = _equal(text[name], ""), _matches(text[name], _ID)
        number = _where(digits, text[name], "0").cast(pa.int64()).to_numpy()
        ids[column] = np.where(number <= INT32_MAX, number, 0).astype(np.int32)
        broken[f"null_{column}"] = empty
        broken[f"invalid_{column}"] = ~empty & (~digits | (number > INT32_MAX))
    numeric = _matches(text["RATING"], _NUMBER)
    stars = pac.ascii_ltrim(_where(numeric, text["RATING"], "0"), "+").cast(pa.float64()).to_numpy()
    broken["invalid_rating"] = ~numeric
    in_range = (stars >= LOWEST_RATING) & (stars <= HIGHEST_RATING)
    broken["rating_out_of_range"] = numeric & ~in_range
    broken["rating_between_half_stars"] = numeric & in_range & (stars % RATING_STEP != 0)
    seconds, dated = _seconds(text["DATE"])
    broken["invalid_date"] = ~dated
    broken["future_date"] = dated & (seconds > latest)
    times = pa.array(seconds * 1_000_000).cast(pa.timestamp("us", tz="UTC"))
    rating = np.where(in_range, stars, 0).astype(np.float32)
    columns = [pa.array(numbers), *map(pa.array, ids.values()), pa.array(rating), times]
    return pa.table(columns, schema=GOOD), broken


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


def _equal(text: pa.Array, value: str) -> np.ndarray:
    return np.asarray(pac.equal(text, value))


def _where(condition: np.ndarray, text: pa.Array, otherwise: str) -> pa.Array:
    return pac.if_else(pa.array(condition), text, otherwise)

"""The rules on the fields of a line as text: which lines go to quarantine, and why. Pure.

A line without a typed value that is needed breaks a rule; its text says which. `conflicting_duplicate`, which needs all
rows, is none of these rules.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.sources.layout import RawForm
from reco_assets.sources.typed import NUMBER, typed, where_matching
from reco_assets.vocabulary import CLOCK_SKEW, HIGHEST_RATING, LOWEST_RATING

# Of the texts (n,) that gave no value: {reason: where it is the reason (n,) bool}.
Reasons = Mapping[str, pa.Array]


def broken_rules(text: Mapping[str, pa.Array], now: datetime) -> dict[str, np.ndarray]:
    """{reason: where a row breaks its rule (n,) bool} of the fields of n ratings, movies or tags; no empty masks.

    `text`: {what it is: its texts (n,), null where empty}. A row more than `CLOCK_SKEW` after `now` is of the future.
    """
    values = typed(text, RawForm(tuple(text)))
    broken = broken_by_field(text, values)
    if "timestamp" in values:
        broken["future_date"] = is_future(values["timestamp"], now)
    return {reason: where for reason, where in broken.items() if where.any()}


def broken_by_field(text: Mapping[str, pa.Array], values: Mapping[str, pa.Array]) -> dict[str, np.ndarray]:
    """The part of `broken_rules` that needs no clock, of fields and what `typed` made of them."""
    broken: dict[str, np.ndarray] = {}
    for name in [name for name in _REASONS if name in text]:
        missing = values["timestamp" if name == "date" else name].is_null()
        if missing.true_count:
            for reason, where in _REASONS[name](name, text[name]).items():
                broken[reason] = np.asarray(pac.and_(missing, where))
    return broken


def is_future(seconds: pa.Array, now: datetime) -> np.ndarray:
    """Whether each time (n,) in Unix seconds is more than `CLOCK_SKEW` after `now`."""
    return np.asarray(pac.fill_null(pac.greater(seconds, latest_second(now)), False))


def latest_second(now: datetime) -> int:
    """The last Unix second that is not of the future: `CLOCK_SKEW` after `now`."""
    return int((now + CLOCK_SKEW).timestamp())


def _id(name: str, text: pa.Array) -> Reasons:
    empty = _is_empty(text)
    return {f"null_{name}": empty, f"invalid_{name}": pac.invert(empty)}


def _rating(_: str, text: pa.Array) -> Reasons:
    stars = pac.ascii_ltrim(where_matching(NUMBER, text), "+").cast(pa.float64())
    between = pac.and_(pac.greater_equal(stars, LOWEST_RATING), pac.less_equal(stars, HIGHEST_RATING))
    return {
        "invalid_rating": pac.is_null(stars),
        "rating_out_of_range": pac.fill_null(pac.invert(between), False),
        "rating_between_half_stars": pac.fill_null(between, False),
    }


def _time(_: str, text: pa.Array) -> Reasons:
    return {"invalid_timestamp": pa.repeat(True, len(text))}


def _words(name: str, text: pa.Array) -> Reasons:
    return {f"null_{name}": _is_empty(text)}


_REASONS: Mapping[str, Callable[[str, pa.Array], Reasons]] = {
    "user_id": _id,
    "movie_id": _id,
    "title": _words,
    "tag": _words,
    "rating": _rating,
    "timestamp": _time,
    "date": _time,
}


def _is_empty(text: pa.Array) -> pa.Array:
    return pac.fill_null(pac.equal(pac.ascii_trim(text, " "), ""), True)

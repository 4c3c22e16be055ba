"""Ratings on other scales and times in other forms, to the texts that the platform reads. Pure.

What a scale or a form has no place for keeps its text with a remark, so that no rule takes it for stars or seconds, and
quarantine shows what it was.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pac

NO_TIME = "0"  # 1970-01-01: of every rating without one, so that nothing is made up about which came first
THUMBS = {
    **dict.fromkeys(("up", "thumbs up", "thumbs_up", "like", "liked", "true", "yes", "1", "+1"), "5.0"),
    **dict.fromkeys(("down", "thumbs down", "thumbs_down", "dislike", "disliked", "false", "no", "0", "-1"), "0.5"),
}
_UNITS = {"seconds": 1, "milliseconds": 1_000, "microseconds": 1_000_000}
_MOST_DIGITS = 18
_AS_THEY_ARE = ("stars", "1-5")
_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\s*(?:-|–|to)\s*(-?\d+(?:\.\d+)?)")  # noqa: RUF001

Convert = Callable[[str], str | None]  # None: it has no place in the scale or form


def parsed_scale(text: str) -> Convert | None:
    """What makes stars of a rating on a scale; None where ratings are stars already. Raises `ValueError`.

    The ends of `LOW-HIGH` are 0.5 and 5 stars, what is between lies between them in proportion, to the nearest half.
    """
    if text in _AS_THEY_ARE:
        return None
    if text == "thumbs":
        return lambda rating: THUMBS.get(rating.lower())
    ends = _RANGE.fullmatch(text)
    if ends is None or float(ends[1]) >= float(ends[2]):
        raise ValueError("scale must be stars, thumbs, or the lowest and the highest rating, as 1-10 or 0-100")
    low, high = float(ends[1]), float(ends[2])

    def stars(rating: str) -> str | None:
        try:
            number = float(rating)
        except ValueError:
            return None
        if not low <= number <= high:
            return None
        return str(math.floor(2 * (0.5 + 4.5 * (number - low) / (high - low)) + 0.5) / 2)

    return stars


def require_form_of_time(text: str) -> str:
    """How times are written, as it came. Raises `ValueError`."""
    if text in _UNITS or text == "iso" or re.search("%[YysDxc]", text):
        return text
    raise ValueError("time must be seconds, milliseconds, microseconds, iso, or a pattern such as %d.%m.%Y %H:%M")


def stars_of(ratings: pa.Array, scale: str) -> pa.Array:
    """Ratings (n,) on a scale as stars, all of them text."""
    convert = parsed_scale(scale)
    return ratings if convert is None else _each(ratings, convert, scale)


def seconds_of(times: pa.Array, written: str) -> pa.Array:
    """Times (n,) as Unix seconds, all of them text. Those that name no zone are in UTC."""
    if written == "seconds":
        return times
    if written in _UNITS:
        return _each(times, lambda text: _whole_seconds(text, _UNITS[written]), written)
    if written == "iso":
        return _each(times, lambda text: _second(datetime.fromisoformat, text), "ISO 8601")
    return _each(times, lambda text: _second(lambda one: datetime.strptime(one, written), text), written)


def _whole_seconds(text: str, a_second: int) -> str | None:
    return str(int(text) // a_second) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def _second(parse: Callable[[str], datetime], text: str) -> str | None:
    try:
        moment = parse(text)
        return str(math.floor((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))
    except (ValueError, OverflowError):
        return None


def _each(values: pa.Array, convert: Convert, named: str) -> pa.Array:
    """Each of n texts converted, null where it was; of equal ones only one is."""
    encoded = pac.ascii_trim_whitespace(values).dictionary_encode()
    made = [convert(text) or f"{text} (not of {named})" for text in encoded.dictionary.to_pylist()]
    return pa.array(made, pa.string()).take(encoded.indices)

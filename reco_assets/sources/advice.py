"""What to do about a file whose values are in another scale, unit or format: told from some of them. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reco_assets.vocabulary import HIGHEST_RATING


@dataclass(frozen=True)
class Sample:
    """An unreadable row: its line, its text, and its values by what they are (user_id, movie_id, rating, …).

    The values are in the order of the file's columns.
    """

    line: int
    raw: str
    values: Mapping[str, str]


# Those before September 2001 have a digit less.
_UNITS = {13: ("milliseconds", 3), 16: ("microseconds", 6), 19: ("nanoseconds", 9)}
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?")
_OFFSET = re.compile(r".*\d\s*(Z|UTC|[+-]\d\d:?\d\d)")
_NOT_OF = re.compile(r".*\(not of (.+)\)")
_HALVE = "awk -F, -v OFS=, 'NF > 2 && ${column} + 0 > 0 {{${column} /= 2}} 1' FILE > HALVED"


def advice(reason: str, samples: Sequence[Sample]) -> str:
    """One or two sentences on what the rows that broke a rule seem to be, and how to convert their file."""
    if reason in _FIXED:
        return _FIXED[reason]
    columns = list(samples[0].values)
    name = "rating" if reason.startswith("rating") else reason.partition("_")[2]
    if name not in columns and name == "timestamp":
        name = "date"
    values = [sample.values.get(name, "").strip() for sample in samples]
    if described := [found[1] for value in values if (found := _NOT_OF.fullmatch(value))]:
        return f"They are not of {described[0]}, as the description of the files says: correct it, or them."
    if reason.startswith("null_"):
        return f"Their {name} is empty: is it in another column, or missing from the export?"
    if reason == "rating_out_of_range":
        return _out_of_range([float(value) for value in values], columns.index(name) + 1) or _GENERAL[name]
    return _INVALID[name](values) or _GENERAL[name]


def _rating(values: Sequence[str]) -> str:
    if _all(r"[+-]?\d+,\d+", values):
        return "They have decimal commas: write 3.5 for 3,5."
    if _all(r"\d+(\.\d+)?\s*(/\s*\d+|%)", values):
        return "They are fractions or percentages: write stars from 0.5 to 5."
    return ""


def _out_of_range(numbers: Sequence[float], column: int) -> str:
    """`column` is the rating's place in the file, from 1."""
    if HIGHEST_RATING < max(numbers) <= 2 * HIGHEST_RATING:
        return (
            f"They go up to {max(numbers):g}, as on a scale of 1 to 10: halve every rating of the file, also those of "
            f"5 and less, which would be stored doubled: {_HALVE.format(column=column)}. "
            "A source's files may keep it: RECO_SOURCE=columns with scale: 1-10 reads it (docs/sources.md)."
        )
    if max(numbers) > HIGHEST_RATING:
        return (
            f"They go up to {max(numbers):g}: convert every rating of the file to stars from 0.5 to 5, in half stars."
        )
    if max(numbers) <= 0:
        return "A rating of 0 or less is none: leave out the lines that are no ratings, or move the scale to 0.5 to 5."
    return ""


def _timestamp(values: Sequence[str]) -> str:
    for digits, (unit, more) in _UNITS.items():
        if _all(rf"\d{{{digits - 1},{digits}}}", values):
            return f"They are {unit}: take off the last {more} digits of each, for Unix seconds."
    if _all(r"\d+\.\d*", values):
        return "They have fractions of a second: take off the point and what is behind it."
    if all(_ISO.fullmatch(value) for value in values):
        return (
            "They are dates, and timestamp holds Unix seconds: convert them, in Python "
            "int(datetime.fromisoformat(text).timestamp()); a text without an offset needs .replace(tzinfo=UTC)."
        )
    return ""


def _date(values: Sequence[str]) -> str:
    if _all(r"\d{9,}", values):
        return "They are Unix times: write dates in UTC, 2024-01-31 or 2024-01-31 10:00:00."
    if all(_ISO.fullmatch(value) for value in values):
        if all(_OFFSET.fullmatch(value) for value in values):
            return (
                "They carry an offset from UTC: write the same moment in UTC without one, 2024-01-31T10:00:00+02:00 as "
                "2024-01-31 08:00:00."
            )
        return "They are not to the second: write 2024-01-31, or 2024-01-31 10:00:00."
    if _all(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}.*", values):
        return "They do not begin with the year: write 2024-01-31, or 2024-01-31 10:00:00."
    return ""


def _id(values: Sequence[str]) -> str:
    if _all(r"\d+\.0*", values):
        return "They are decimal numbers: take off the point and the noughts behind it."
    if _all(r"\d+", values):
        return "They are too large: number them anew, up to 2147483647."
    return ""


def _all(pattern: str, values: Sequence[str]) -> bool:
    return all(re.fullmatch(pattern, value) for value in values)


_INVALID: Mapping[str, Callable[[Sequence[str]], str]] = {
    "user_id": _id,
    "movie_id": _id,
    "rating": _rating,
    "timestamp": _timestamp,
    "date": _date,
}
_IDS = (
    "Ids are whole numbers from 0 to 2147483647: number them anew, or let RECO_SOURCE=columns number a source's own "
    "(docs/sources.md); streamed files have the numbers of bronze/ids."
)
_GENERAL = {
    **dict.fromkeys(("user_id", "movie_id"), _IDS),
    "rating": "Ratings are stars from 0.5 to 5, in half stars, with a decimal point.",
    "timestamp": "Times are Unix seconds, whole numbers as 1704103200.",
    "date": "Dates are in UTC, as 2024-01-31 or 2024-01-31 10:00:00.",
}
_FIXED = {
    "rating_between_half_stars": "They are finer than half stars: round every rating of the file to the nearest half, "
    "round(2 * rating) / 2.",
    "future_date": "They lie more than a day ahead: check the unit of the times, and the clock of what wrote them.",
    "wrong_field_count": "They have more or fewer fields than the header: is there another separator, or a comma in a "
    "field that is not quoted?",
    "unbalanced_quote": 'Quote a field as a whole, and write "" for a quote inside.',
    "not_utf8": "Convert the file: iconv -f LATIN1 -t UTF-8.",
    "nul_byte": "It is binary, or UTF-16: convert it to UTF-8.",
    "blank_line": "Remove the blank lines.",
    "line_too_long": "Is this a text file?",
}

"""What an unknown file looks like, by its name and first lines, and what reads it. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resources.text.plain_text import printable

HEAD_BYTES = 1 << 16
_SHOWN = 60
_WHERE = "put this into columns.yaml beside it, or into RECO_COLUMNS"
_SEPARATORS = ("::", "\t", ";", "|", ",")
# What the names of columns contain, in the order in which they are asked for.
_NAMES = {
    "user_id": r"user|customer|cust_id|reviewer|reader|member|account|who",
    "timestamp": r"time|date|stamp|when|^ts$|_ts$|_at$",
    "rating": r"rating|score|stars|^overall$|grade|vote|thumb|^value$|^label$",
    "movie_id": r"movie|item|film|product|book|asin|isbn|title|anime|song|artist|track",
}
_NEEDED = ("user_id", "movie_id", "rating")


@dataclass(frozen=True)
class _Known:
    """A format that has a name: a pattern of its lines, what it is, and how its files are called."""

    line: str
    what: str
    name: str
    fix: str = ""


_KNOWN = (
    _Known(r"\d+\t\d+\t[1-5]\t\d{6,10}", "MovieLens 100K's u.data", "u.data"),
    _Known(r"\d+::\d+::[0-5](\.5)?::\d{6,10}", "MovieLens 1M's ratings.dat", "ratings.dat"),
    _Known(r"\d+::[^:].*::.*", "MovieLens 1M's movies.dat", "movies.dat"),
    _Known(r"\d+\|.*\|\d\d-\w{3}-\d{4}\|.*(\|[01]){19}", "MovieLens 100K's u.item", "u.item"),
    _Known(r"\d+:|\d+,[1-5],\d{4}-\d\d-\d\d", "the Netflix Prize's ratings", "combined_data_1.txt", "netflix"),
)
_BINARY = {
    b"PAR1": "Parquet: name it ratings.parquet where its columns are userId, movieId, rating and timestamp; else "
    f"{_WHERE}: ratings: {{file: FILE, columns: {{user_id: …, movie_id: …, rating: …, timestamp: …}}}}",
    b"SQLite format 3": "a SQLite database: export its ratings as CSV",
    b"\xd0\xcf\x11\xe0": "an Excel file: save its sheet as CSV",
}


def looks_like(name: str, head: bytes) -> str | None:
    """What a file of this name, that begins so, looks like and what reads it; None where nothing is known.

    `head` is unpacked, and may end within a line.
    """
    shown = printable(name[:_SHOWN])
    for start, what in _BINARY.items():
        if head.startswith(start):
            return f"{shown} is {what}."
    text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    lines = [line.rstrip("\r") for line in text.split("\n")][:-1] or [text]
    lines = [line for line in lines if line.strip()][:20]
    if not lines or "\0" in text:
        return None
    if lines[0].lstrip().startswith(("{", "[")):
        return f"{shown} looks like JSON: convert it to CSV or Parquet, with a row per rating."
    return _named(shown, lines) or _with_header(shown, lines[0]) or _without_header(shown, lines)


def _named(name: str, lines: Sequence[str]) -> str | None:
    for known in _KNOWN:
        if all(re.fullmatch(known.line, line) for line in lines):
            source = f" and set RECO_SOURCE={known.fix}" if known.fix else ""
            return f"{name} looks like {known.what}: name it {known.name}{source}."
    return None


def _with_header(name: str, line: str) -> str | None:
    separator = _separator_of(line)
    fields = [field.strip().strip('"') for field in line.split(separator)] if separator else []
    found: dict[str, str] = {}
    for what, pattern in _NAMES.items():
        free = [field for field in fields if field not in found.values()]
        if match := next((field for field in free if re.search(pattern, field, re.IGNORECASE)), None):
            found[what] = match
    if any(what not in found for what in _NEEDED):
        return None
    return _proposal(name, f"with the columns {printable(', '.join(fields)[:_SHOWN])}", separator, found)


def _without_header(name: str, lines: Sequence[str]) -> str | None:
    separator = _separator_of(lines[0])
    counts = {line.count(separator) for line in lines} if separator else set()
    if len(counts) != 1 or not 2 <= (count := counts.pop()) <= 3:
        return None
    if not all(re.fullmatch(r"[\d.+-]+", line.split(separator)[-1].strip()) for line in lines):
        return None
    places = {what: str(at) for at, what in enumerate((*_NEEDED, "timestamp")[: count + 1], start=1)}
    return _proposal(name, "without a header", separator, places, "header: false, ")


def _proposal(name: str, what: str, separator: str, columns: Mapping[str, str], more: str = "") -> str:
    shown = {"\t": "tab"}.get(separator, separator)
    parted = "" if separator == "," else f'separator: "{shown}", '
    order = [key for key in ("user_id", "movie_id", "rating", "timestamp") if key in columns]
    said = ", ".join(f"{key}: {_in_yaml(columns[key])}" for key in order)
    return (
        f"{name} looks like ratings {what}, parted by {shown!r}: {_WHERE}: "
        f"ratings: {{file: {_in_yaml(name)}, {parted}{more}columns: {{{said}}}}}"
    )


def _in_yaml(name: str) -> str:
    return printable(name) if re.fullmatch(r"[\w ]*\w", name) else f'"{printable(name)}"'


def _separator_of(line: str) -> str:
    """The first separator that parts three fields or more; empty where none does."""
    return next((one for one in _SEPARATORS if line.count(one) >= len(_NEEDED) - 1), "")

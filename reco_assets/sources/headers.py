"""What is wrong with the first line of a CSV file, and what to do about it. Pure."""

import re
from collections.abc import Sequence

from reco_assets.vocabulary import CSV_COLUMNS
from resources.text.plain_text import printable

SHOWN_CHARACTERS = 120
# How the first line of a file in another place begins: what it is, and where it belongs.
_KNOWN = {
    ("userId", "movieId", "rating"): "MovieLens ratings: RECO_SOURCE_PATH names the folder they are loaded from",
    ("movieId", "title"): "MovieLens movies: they belong beside ratings.csv, as movies.csv",
    ("userId", "movieId", "tag"): "MovieLens tags: they belong beside ratings.csv, as tags.csv",
    CSV_COLUMNS: "new ratings: they belong into the streaming folder",
}
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", "::": "double colons"}


def header_defect(line: str, columns: Sequence[str]) -> tuple[str, str] | None:
    """(the rule that the first line breaks, what to do), or None where it names exactly the columns, in order."""
    found = _names(line, ",")
    if found == tuple(columns):
        return None
    rule = f"the header must be {','.join(columns)}, found {','.join(found)[:SHOWN_CHARACTERS]!r}"
    return rule, _fix(line, found, columns)


def _fix(line: str, found: tuple[str, ...], columns: Sequence[str]) -> str:
    return _other_file(line, found, columns) or _other_columns(found, columns)


def _other_file(line: str, found: tuple[str, ...], columns: Sequence[str]) -> str | None:
    """Another separator, or a file that belongs in another place, or one without a header."""
    for separator, name in _SEPARATORS.items():
        if len(found) == 1 and separator in line:
            return f"The fields are parted by {name}: export the file with commas, and numbers with a decimal point."
    others = {start: what for start, what in _KNOWN.items() if tuple(columns)[: len(start)] != start}
    if what := next((what for start, what in others.items() if found[: len(start)] == start), None):
        return f"These are {what}."
    if all(re.fullmatch(r"[0-9.:TZ+ -]*", name) for name in found):
        return "The first line holds values: put the header in front of it."
    return None


def _other_columns(found: tuple[str, ...], columns: Sequence[str]) -> str:
    extra, missing = [n for n in found if n not in columns], [n for n in columns if n not in found]
    if sorted(found) == sorted(columns):
        return "Reorder the columns."
    if [name.lower() for name in found] == [name.lower() for name in columns]:
        return "Write the names in upper and lower case as they are there."
    if not missing:
        return f"Remove the columns that are not named there: {_shown(extra) or 'one stands twice'}."
    if not extra:
        return f"Add the columns that are missing: {', '.join(missing)}."
    return f"Rename the columns: {_shown(extra)} where {', '.join(missing)} must be."


def _names(line: str, separator: str) -> tuple[str, ...]:
    return tuple(name.strip().strip('"') for name in line.strip("\r\n").split(separator))


def _shown(names: Sequence[str]) -> str:
    return printable(", ".join(names)[:SHOWN_CHARACTERS])

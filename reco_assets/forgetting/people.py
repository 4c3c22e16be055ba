"""Whose data it is: which rows, lines and parts of documents are of some users. Pure.

An id of few digits is in many numbers, and one of letters alone may be any word, such as a table's name. So columns and
fields that hold users are looked at by their name or place, and free text only for ids that can't be something else.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pac

USER_COLUMNS = ("user_id", "CUST_ID", "userId", "cust_id", "userID")
TEXT_COLUMNS = ("raw", "_rescued", "extra", "key")  # of tables that keep what came as it came
TELLING_DIGITS = 6
HIDDEN = "forgotten"
_PARTS = re.compile(r"[,;\t|]|::")
_PARTS_BESIDE_QUOTES = re.compile(rf'(?:{_PARTS.pattern})(?=(?:[^"]*"[^"]*")*[^"]*$)')
_WORD = re.compile(r"[^\W\d]+")  # letters and underscores
_MOST_QUOTED = 2_000  # characters of a line whose quotes are looked at, which takes their square


@dataclass(frozen=True)
class People:
    """Users by the platform's numbers, and by the texts that their source has for them."""

    numbers: frozenset[int] = frozenset()
    texts: frozenset[str] = frozenset()

    @cached_property
    def names(self) -> frozenset[str]:
        """Every id as text."""
        return frozenset(map(str, self.numbers)) | self.texts

    @cached_property
    def written(self) -> Sequence[str]:
        """Every id as it stands in files."""
        return as_written(self.names)

    @cached_property
    def telling(self) -> "re.Pattern[str] | None":
        """Finds those ids in free text that can't be something else; None where there is none such."""
        words = [name for name in self.names if _tells(name)]
        found = "|".join(re.escape(word) for word in sorted(words))
        return re.compile(rf"(?<![0-9A-Za-z]){'(?:' + found + ')'}(?![0-9A-Za-z])") if words else None

    def are(self, said: object) -> bool:
        """Whether a value is one of the ids, as a number or as text."""
        if isinstance(said, bool) or said is None:
            return False
        if isinstance(said, int):
            return said in self.numbers
        text = str(said).strip().strip('"')
        return text in self.names or (text.isascii() and text.isdecimal() and int(text) in self.numbers)

    def mentioned(self, text: str) -> bool:
        """Whether free text names one of those whose ids can't be something else."""
        return self.telling is not None and self.telling.search(text) is not None

    def wrote(self, line: str, place: int) -> bool:
        """Whether a line of fields, or of JSON, is of one of the users; `place`: of the field with the user.

        That field decides, as another's movie or time may have the same number. Of a line that is too damaged to have
        one, any mention does.
        """
        if line.lstrip().startswith("{"):
            try:
                document = json.loads(line)
            except ValueError:
                return self.mentioned(line)
            return self.owns(document) or (not _has_a_user(document) and self.mentioned(line))
        said = _field(line, place)
        return self.are(said) or (not self._is_an_id(said) and self.mentioned(line))

    def owns(self, document: Any) -> bool:
        """Whether an object says in a field of its own, or of one in it, that it is of one of the users."""
        if not isinstance(document, dict):
            return False
        place = _place(document)
        return any(
            (key in USER_COLUMNS and self.are(value))
            or (key in TEXT_COLUMNS and isinstance(value, str) and self.wrote(value, place))
            or (isinstance(value, dict) and self.owns(value))
            for key, value in document.items()
        )

    def hidden(self, text: str) -> str:
        """Free text with another word in place of ids that can't be something else."""
        return self.telling.sub(HIDDEN, text) if self.telling else text

    def are_named(self, key: str, value: Any) -> bool:
        """Whether a field such as "highest user_id" holds one of the ids, by itself or as the value of an object."""
        held = value.get("value") if isinstance(value, dict) else value
        return key.endswith(USER_COLUMNS) and not isinstance(held, list | dict) and self.are(held)

    def _is_an_id(self, said: str) -> bool:
        """Whether a field says whose its line is: texts with separators in them are parts of fields here."""
        return said.isdecimal() or bool(said and self.texts and not any(map(_PARTS.search, self.texts)))

    def rows(self, table: pa.Table) -> pa.ChunkedArray:
        """Which of n rows are of the users: (n,) bool."""
        gone = pa.chunked_array([pa.repeat(pa.scalar(False), len(table))])
        place = _place(table.column_names)
        for name in table.column_names:
            if name in USER_COLUMNS:
                gone = pac.or_(gone, _flat(self._among(table[name])))
            elif name in TEXT_COLUMNS:
                gone = pac.or_(gone, self._texts(table, name, place))
        return gone

    def _among(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        if pa.types.is_integer(column.type):
            return pac.is_in(column.cast(pa.int64()), pa.array(sorted(self.numbers), pa.int64()))
        words = column.cast(pa.string())
        return pac.is_in(words, pa.array(sorted(self.names), pa.string()))

    def _texts(self, table: pa.Table, name: str, place: int) -> pa.ChunkedArray:
        """Of events about movies the key is a movie's."""
        found = []
        topics = table["topic"].to_pylist() if name == "key" and "topic" in table.column_names else None
        for at, said in enumerate(table[name].to_pylist()):
            text = said.decode(errors="replace") if isinstance(said, bytes) else said
            of_movies = topics is not None and str(topics[at]).endswith("movies")
            found.append(bool(text) and not of_movies and self.wrote(text, place))
        return pa.chunked_array([pa.array(found, pa.bool_())])


def as_written(names: Iterable[str]) -> list[str]:
    """Ids as they stand in files: JSON writes some signs in a way of its own."""
    return sorted({form for name in names for form in (name, json.dumps(name)[1:-1])})


def _tells(name: str) -> bool:
    return len(name) >= TELLING_DIGITS if name.isdecimal() else not _WORD.fullmatch(name)


def _field(line: str, place: int) -> str:
    """A field of a line, without quotes and blanks around; empty where there is none."""
    parts = _PARTS_BESIDE_QUOTES if '"' in line and len(line) <= _MOST_QUOTED else _PARTS
    fields = parts.split(line, place + 1)
    return fields[place].strip().strip('"') if place < len(fields) else ""


def _has_a_user(document: Any) -> bool:
    """Whether an object says in a field of its own, or of one in it, whose it is."""
    return isinstance(document, dict) and any(
        (key in USER_COLUMNS and value is not None) or _has_a_user(value) for key, value in document.items()
    )


def place_of_user(header: str) -> int | None:
    """The place of the field with the user, by a file's first line; None where no column is named so."""
    names = [field.strip().strip('"') for field in _PARTS.split(header.strip())]
    return next((at for at, name in enumerate(names) if name in USER_COLUMNS), None)


def without(people: People, document: Any) -> Any:
    """A JSON document without what is of the users: objects of theirs in lists, entries of lists beside `user_id`, rows
    of columns and data, and values under names that end in user_id. In texts another word stands for them.
    """
    if isinstance(document, str):
        return people.hidden(document)
    if isinstance(document, list):
        return [without(people, each) for each in document if not people.owns(each)]
    if not isinstance(document, dict):
        return document
    return {
        people.hidden(key): without(people, value)
        for key, value in _without_entries(people, document).items()
        if not people.are_named(key, value)
    }


def _without_entries(people: People, document: dict[str, Any]) -> dict[str, Any]:
    users = next((document[name] for name in USER_COLUMNS if isinstance(document.get(name), list)), None)
    if users is not None:
        return _at(document, [at for at, user in enumerate(users) if not people.are(user)], len(users))
    columns, data = document.get("columns"), document.get("data")
    if isinstance(columns, list) and isinstance(data, list):
        places = [at for at, name in enumerate(columns) if name in USER_COLUMNS]
        kept = [at for at, row in enumerate(data) if not _has(people, row, places)]
        return document | _at({key: document[key] for key in ("data", "index") if key in document}, kept, len(data))
    return document


def _has(people: People, row: Any, places: Sequence[int]) -> bool:
    return isinstance(row, list) and any(at < len(row) and people.are(row[at]) for at in places)


def _at(document: dict[str, Any], kept: Iterable[int], length: int) -> dict[str, Any]:
    """The document, of whose lists of that length only some places stay."""
    places = list(kept)
    return {
        key: [value[at] for at in places] if isinstance(value, list) and len(value) == length else value
        for key, value in document.items()
    }


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pac.fill_null(column, False)


def _place(names: Iterable[str]) -> int:
    """Where the user stands in lines that are kept beside these names: a streamed line begins with its date."""
    return 1 if "batch" in names else 0

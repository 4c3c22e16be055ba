"""Python values as source text.

Every entry of a list or dictionary stands on a line of its own with a comma behind it: a formatter keeps that as it
is, however long or short the lines are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from textwrap import indent
from typing import Any

INDENT = " " * 4


@dataclass(frozen=True)
class Code:
    """A value that is given as Python source, not as itself: `Code("TRAIN_PATH")`, `Code("str(K)")`."""

    source: str


@dataclass(frozen=True)
class Joined:
    """Texts that one argument takes, separated by commas."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Over:
    """A dictionary with entries of its own, which win over those of the `bases`."""

    bases: tuple[Code, ...]
    own: Mapping[str, Any]


def literal(value: Any) -> str:
    """Write a value as Python source; its lines are those of a value that is not indented."""
    match value:
        case Code(source):
            return source
        case Joined(texts):
            return f'",".join(\n{indent(literal(texts), INDENT)}\n)'
        case Over(bases, own):
            return _block("{", [*(f"**{base.source}" for base in bases), *_entries(own)], "}")
        case Mapping():
            return _block("{", _entries(value), "}")
        case list() | tuple():
            return _block("[", map(literal, value), "]")
    return _plain(value)


def _entries(mapping: Mapping[str, Any]) -> list[str]:
    return [f"{literal(name)}: {literal(value)}" for name, value in mapping.items()]


def _block(opening: str, entries: Iterable[str], closing: str) -> str:
    lines = indent("".join(f"{entry},\n" for entry in entries), INDENT)
    return f"{opening}\n{lines}{closing}" if lines else opening + closing


def _plain(value: Any) -> str:
    if isinstance(value, timedelta):
        minutes = int(value.total_seconds()) // 60
        return f"timedelta(minutes={minutes})" if minutes % 60 else f"timedelta(hours={minutes // 60})"
    text = repr(value)
    return f'"{text[1:-1]}"' if isinstance(value, str) and '"' not in value else text

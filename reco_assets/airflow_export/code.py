"""Python values as formatted source text, with the names they need imported.

What belongs here: how a value is written so that `ruff format` has nothing to change. What doesn't: any DAG.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

LINE_LENGTH = 120
INDENT = " " * 4


@dataclass(frozen=True)
class Name:
    """A name that is imported from a module."""

    module: str
    name: str


@dataclass(frozen=True)
class Term:
    """A short expression on one name."""

    base: Name
    text: str


def member(base: Name, attribute: str) -> Term:
    """An attribute: `TriggerRule.ONE_FAILED`."""
    return Term(base, f"{base.name}.{attribute}")


def below(base: Name, rest: str) -> Term:
    """A path that starts with a name: `f"{NAME}/rest"`."""
    return Term(base, f'f"{{{base.name}}}{rest.replace("{", "{{").replace("}", "}}")}"')


def as_text(base: Name) -> Term:
    """A number as text."""
    return Term(base, f"str({base.name})")


class Block(ABC):
    """An expression that may take several lines."""

    @abstractmethod
    def _source(self, depth: int) -> str:
        """The source text; its lines but the first are indented for `depth`."""

    @abstractmethod
    def _parts(self) -> Sequence[Any]:
        """The values that it is made of."""


Spread = Sequence["Name | Block"]


@dataclass(frozen=True)
class Joined(Block):
    """Texts that one argument takes, separated by commas."""

    texts: Sequence[str]

    def _source(self, depth: int) -> str:
        one_line = source_of(",".join(self.texts))
        if _fits(one_line, depth):
            return one_line
        listed = _lines("[", [source_of(text) for text in self.texts], "]", depth + 1)
        return f'",".join(\n{INDENT * (depth + 1)}{listed}\n{INDENT * depth})'

    def _parts(self) -> Sequence[Any]:
        return self.texts


@dataclass(frozen=True)
class Call(Block):
    """A call with keyword arguments, or one `positional`; `spread` are mappings whose entries come last."""

    function: Name
    arguments: Mapping[str, Any] = field(default_factory=dict)
    spread: Spread = ()
    positional: Any = None

    def _source(self, depth: int) -> str:
        if self.positional is not None:
            return f"{self.function.name}({source_of(self.positional, depth)})"
        arguments = [f"{name}={source_of(value, depth + 1)}" for name, value in self.arguments.items()]
        return _lines(f"{self.function.name}(", [*arguments, *_spread(self.spread, depth + 1)], ")", depth)

    def _parts(self) -> Sequence[Any]:
        return (self.function, self.positional, *self.arguments.values(), *self.spread)


@dataclass(frozen=True)
class Entries(Block):
    """A dictionary whose `spread` entries come first, so that its own win."""

    own: Mapping[str, Any]
    spread: Spread

    def _source(self, depth: int) -> str:
        return _lines("{", [*_spread(self.spread, depth + 1), *_items(self.own, depth + 1)], "}", depth)

    def _parts(self) -> Sequence[Any]:
        return (*self.spread, *self.own.values())


def source_of(value: Any, depth: int = 0) -> str:
    """The source text of a value; its lines but the first are indented for `depth`."""
    match value:
        case Term():
            return value.text
        case Block():
            return value._source(depth)
        case Mapping():
            return _short_or_lines("{", _items(value, depth + 1), "}", depth)
        case list() | tuple():
            return _short_or_lines("[", [source_of(part, depth + 1) for part in value], "]", depth)
    return _plain(value)


def names_in(value: Any) -> Iterator[Name]:
    """Every name that the value's source text uses."""
    match value:
        case Name():
            yield value
        case Term():
            yield value.base
        case timedelta():
            yield Name("datetime", "timedelta")
        case Block():
            yield from names_in(value._parts())
        case Mapping():
            yield from names_in([*value.values()])
        case list() | tuple():
            for part in value:
                yield from names_in(part)


def import_lines(names: Sequence[Name]) -> list[str]:
    """Sorted import statements: the standard library, Airflow, then `common`, with empty lines between."""
    modules = {module: sorted({n.name for n in names if n.module == module}) for module in {n.module for n in names}}
    lines: list[str] = []
    for group in ("datetime", "airflow", "common"):
        found = sorted(module for module in modules if module.partition(".")[0] == group)
        lines += [""] if lines and found else []
        lines += [_import(module, modules[module]) for module in found]
    return lines


def _import(module: str, names: Sequence[str]) -> str:
    ordered = sorted(names, key=_kind_and_name)
    line = f"from {module} import {', '.join(ordered)}"
    return line if len(line) <= LINE_LENGTH else _lines(f"from {module} import (", ordered, ")", 0)


def _kind_and_name(name: str) -> tuple[bool, bool, str]:
    """Constants before classes before functions, as ruff sorts imports; a single capital is no constant to it."""
    return not (name.isupper() and len(name) > 1), name.islower(), name


def _plain(value: Any) -> str:
    match value:
        case Name():
            return value.name
        case timedelta():
            return f"timedelta({_duration(value)})"
        case str() if '"' not in value:
            return json.dumps(value, ensure_ascii=False)
    return repr(value)


def _spread(parts: Spread, depth: int) -> list[str]:
    return [f"**{source_of(part, depth)}" for part in parts]


def _items(entries: Mapping[str, Any], depth: int) -> list[str]:
    return [f"{source_of(name)}: {source_of(value, depth)}" for name, value in entries.items()]


def _short_or_lines(opening: str, parts: Sequence[str], closing: str, depth: int) -> str:
    one_line = f"{opening}{', '.join(parts)}{closing}"
    return one_line if "\n" not in one_line and _fits(one_line, depth) else _lines(opening, parts, closing, depth)


def _fits(text: str, depth: int) -> bool:
    # Some room for the name that the text is given to.
    return len(INDENT * depth) + len(text) <= LINE_LENGTH - 40


def _lines(opening: str, parts: Sequence[str], closing: str, depth: int) -> str:
    inner = "".join(f"{INDENT * (depth + 1)}{part},\n" for part in parts)
    return f"{opening}\n{inner}{INDENT * depth}{closing}"


def _duration(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds % size == 0:
            return f"{unit}={seconds // size}"
    return f"seconds={seconds}"

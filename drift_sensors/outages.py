"""What is out of order, since when, and which of what is heard of it is news. Pure.

Of a job, a check or an asset's freshness it is told when it fails first, when that gets worse, and when it is well
again; what is heard in between is counted.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum

MOST = 500  # outages that are remembered, so that the cursor of a sensor stays small; those heard of last


class Level(IntEnum):
    """How bad it is: a check warns, something fails, or nobody tries it again."""

    WARNS = 1
    FAILS = 2
    GIVEN_UP = 3


class News(Enum):
    """What is told: the first failure, one that is worse than what was told, and the end of it."""

    FIRST = "first"
    WORSE = "worse"
    WELL = "well"


@dataclass(frozen=True)
class Heard:
    """What was heard of a subject, and when (Unix seconds): how bad it is, or None where it is well."""

    subject: str
    at: float
    level: Level | None


@dataclass(frozen=True)
class Outage:
    """Since when something is out of order, when it was heard of last (Unix seconds), how bad it was, how often."""

    since: float
    heard: float
    level: Level
    failures: int = 1


@dataclass(frozen=True)
class Change:
    """News of a subject, with its outage as it is, or as it was."""

    news: News
    outage: Outage


@dataclass(frozen=True)
class Book:
    """What a listener's sensor remembers: the event up to which it was told, and what is out of order."""

    after: int
    outages: Mapping[str, Outage] = field(default_factory=dict)


def follow(outage: Outage | None, heard: Heard) -> tuple[Outage | None, Change | None]:
    """The outage of a subject after what was heard of it, and what is to be told."""
    if heard.level is None:
        return None, Change(News.WELL, outage) if outage else None
    if outage is None:
        begun = Outage(heard.at, heard.at, heard.level)
        return begun, Change(News.FIRST, begun)
    level = max(outage.level, heard.level)
    goes_on = replace(outage, heard=heard.at, level=level, failures=outage.failures + 1)
    return goes_on, Change(News.WORSE, goes_on) if level > outage.level else None


def enter(book: Book, heard: Heard) -> tuple[Book, Change | None]:
    """The book after what was heard, and what is to be told."""
    outage, change = follow(book.outages.get(heard.subject), heard)
    outages = {subject: each for subject, each in book.outages.items() if subject != heard.subject}
    if outage:
        outages[heard.subject] = outage
    return replace(book, outages=dict(list(outages.items())[-MOST:])), change


def dump(book: Book) -> str:
    """The book as a sensor's cursor."""
    outages = {name: [each.since, each.heard, each.level, each.failures] for name, each in book.outages.items()}
    return json.dumps({"after": book.after, "outages": outages})


def load(cursor: str) -> Book:
    """The book as `dump` wrote it."""
    found = json.loads(cursor)
    outages = {
        name: Outage(since, heard, Level(level), failures)
        for name, (since, heard, level, failures) in found["outages"].items()
    }
    return Book(found["after"], outages)

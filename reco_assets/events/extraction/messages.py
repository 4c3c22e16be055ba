"""Where events are read from, as one small interface: partitions of topics, and the messages between two offsets.

Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from resources.errors import RecoError


class EventsError(RecoError):
    """Events cannot be read; the message names the topic or file, and says what to do."""


class OffsetsGoneError(EventsError):
    """Messages went away between the look at what there is and the reading of it: look again."""


@dataclass(frozen=True)
class Partition:
    """One partition of a topic: the offsets of the oldest message that is still kept, and of the next one to come.

    `source` tells the topic from a later one of its name. Offsets ascend; they need not be dense.
    """

    source: str
    topic: str
    number: int
    oldest: int
    end: int

    @property
    def stream(self) -> str:
        """The word by which the log knows how far it was read."""
        return f"reco.events:{self.source}:{self.topic}:{self.number}"

    def __str__(self) -> str:
        return f"partition {self.number} of {self.topic}"


@dataclass(frozen=True)
class Span:
    """The messages of a partition from one offset up to another; `messages`: how many, where offsets are dense."""

    partition: Partition
    start: int
    end: int
    messages: int


@dataclass(frozen=True)
class Messages:
    """The messages of a span, in their order."""

    span: Span
    offsets: list[int]
    keys: list[bytes | None]
    values: list[bytes | None]

    def __len__(self) -> int:
        return len(self.offsets)


@dataclass(frozen=True)
class Gap:
    """Offsets of a partition that were gone before they were read: the first, and how many."""

    partition: Partition
    first: int
    lost: int

    def __str__(self) -> str:
        return f"{self.lost:,} messages of {self.partition} from offset {self.first:,} on"


class Source(Protocol):
    """What events are read from."""

    def partitions(self, topics: Sequence[str]) -> list[Partition]:
        """The partitions of those of the topics that are there. Raises `EventsError`."""
        ...

    def span(self, partition: Partition, start: int, most: int | None) -> Span:
        """The next messages from an offset on, at most so many (None: all that are there)."""
        ...

    def read(self, spans: Sequence[Span]) -> list[Messages]:
        """The messages of the spans, all of them. Raises `EventsError`, `OffsetsGoneError`."""
        ...

"""Pure: what an extraction counts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.events.extraction.judged import Judged
from reco_assets.events.extraction.messages import Gap, Messages


@dataclass(frozen=True)
class Extracted:
    """What an extraction did. Every message read is counted once: as a new event, a duplicate, a dead letter,
    or as one of a user who was forgotten, of which nothing is kept.

    The counters are by topic, `reasons` by the rule that dead letters broke. `late` are those new events whose day is
    before the newest that the log held already; `lag` is what a next extraction would find. `written` are the rows that
    the log gained by its own count. `reread` names partitions that ended before what was read of them: they were read
    again from their oldest message.
    """

    read: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    forgotten: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    lag: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    offsets: dict[str, int] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    reread: list[str] = field(default_factory=list)
    written: int = 0

    @property
    def conserved(self) -> bool:
        """Whether no message was lost or made up between the topics and the tables."""
        ended = self.events + self.duplicates + self.dead_letters + self.forgotten
        return self.read == ended and self.written == self.events.total()

    @property
    def losses(self) -> list[str]:
        """What nobody may miss, a line each: messages that are lost, and partitions that lost messages."""
        return [lost_line(gap) for gap in self.gaps] + [
            f"{name.capitalize()} ended before what was read of it: its broker lost messages, or another file is in "
            "its place. It was read again from its oldest message."
            for name in self.reread
        ]

    def __str__(self) -> str:
        counts = {"new": self.events, "duplicates": self.duplicates, "dead letters": self.dead_letters}
        return f"{self.read.total():,} messages: {', '.join(f'{of.total():,} {name}' for name, of in counts.items())}"

    def __add__(self, other: "Extracted") -> "Extracted":
        """Both together; the newer offsets are the other's."""
        return Extracted(
            **{each.name: _joined(getattr(self, each.name), getattr(other, each.name)) for each in fields(self)}
        )


def lost_line(gap: Gap) -> str:
    """What is said of a gap."""
    return f"{gap} were older than the broker keeps them, and are lost."


def _joined(one: Any, other: Any) -> Any:
    return one | other if type(one) is dict else one + other


def counted(read: Sequence[Messages], judged: Judged, fresh: pa.Table, newest: str | None, written: int) -> Extracted:
    """The counts of a step; `newest`: the newest day that the log held before it."""
    taken = Counter[str]()
    for messages in read:
        taken[messages.span.partition.topic] += len(messages)
    rows, events = _by_topic(judged.rows), _by_topic(fresh)
    late = fresh.filter(pac.less(fresh["event_date"], date.fromisoformat(newest))) if newest else fresh.slice(0, 0)
    return Extracted(
        read=taken,
        events=events,
        duplicates=rows - events,
        dead_letters=taken - rows,
        late=_by_topic(late),
        reasons=judged.reasons,
        written=written,
    )


def _by_topic(rows: pa.Table) -> Counter[str]:
    return Counter({pair["values"]: pair["counts"] for pair in pac.value_counts(rows["topic"]).to_pylist()})

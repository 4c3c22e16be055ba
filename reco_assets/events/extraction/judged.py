"""Pure: messages as rows of the log, dead letters, and the counts of both."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pac
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.events.extraction.messages import Gap, Messages, Partition
from reco_assets.events.schema import EVENT_COLUMNS, EventType, parse
from reco_assets.tables import DEAD_LETTERS, EVENTS_LOG
from reco_assets.vocabulary import CLOCK_SKEW

OLDER_THAN_RETENTION = "older_than_retention"
LOG_COLUMNS = to_arrow_schema(EVENTS_LOG.schema, timezone="UTC")
DEAD_COLUMNS = to_arrow_schema(DEAD_LETTERS.schema, timezone="UTC")
# A message: its stream, its offset and its bytes, as after a loss of the broker's another may lie at its offset.
Place = tuple[str, int, bytes | None]
_AT_ONCE = 20_000  # messages that are objects of Python at a time: 1.5 kB each


@dataclass(frozen=True)
class Judged:
    """Messages of all partitions as rows of the log and of the dead letters, and {reason: messages} of these."""

    rows: pa.Table
    dead: pa.Table
    reasons: Counter[str] = field(default_factory=Counter)


def judge(
    batches: Sequence[tuple[Messages, EventType]],
    gaps: Sequence[Gap],
    known: Collection[Place],
    now: datetime,
) -> Judged:
    """Each message in exactly one place: a row of the log, or a dead letter.

    Args:
        batches: The messages of partitions, each with the type of its topic.
        gaps: What was lost, which become dead letters too.
        known: Messages that are dead letters already; they are in neither table of the result.
        now: The time of the look at them; events of the future, by more than `CLOCK_SKEW`, are refused.
    """
    rows, dead, reasons = [LOG_COLUMNS.empty_table()], [], Counter[str]()
    for gap in gaps:
        if (gap.partition.stream, gap.first, None) not in known:
            dead.append(_letter(gap.partition, gap.first, (gap.lost, None, None, [OLDER_THAN_RETENTION]), now))
    for messages, kind in batches:
        for part in _parts(_without(messages, known)):
            parsed = parse(part.values, kind, now + CLOCK_SKEW)
            offsets = pa.array(part.offsets, pa.int64()).take(pa.array(parsed.positions, pa.int64()))
            rows.append(_placed(parsed.rows, part.span.partition, offsets, now))
            for position, why in parsed.refused.items():
                content = (1, part.keys[position], part.values[position], why)
                dead.append(_letter(part.span.partition, part.offsets[position], content, now))
                reasons.update(why)
    return Judged(pa.concat_tables(rows), pa.Table.from_pylist(dead, DEAD_COLUMNS), reasons)


def first_of_each_id(rows: pa.Table) -> pa.Table:
    """The rows without those whose event_id an earlier one has."""
    numbered = rows.append_column("at", pa.array(range(len(rows)), pa.int64()))
    first = numbered.group_by("event_id", use_threads=False).aggregate([("at", "min")])["at_min"]
    return rows if len(first) == len(rows) else rows.take(pac.take(first, pac.sort_indices(first)))


def _without(messages: Messages, known: Collection[Place]) -> Messages:
    stream = messages.span.partition.stream
    if not any(of == stream for of, *_ in known):
        return messages
    places = zip(messages.offsets, messages.values, strict=True)
    kept = [at for at, (offset, value) in enumerate(places) if (stream, offset, value) not in known]
    keys, values = [messages.keys[at] for at in kept], [messages.values[at] for at in kept]
    return Messages(messages.span, [messages.offsets[at] for at in kept], keys, values)


def _parts(messages: Messages) -> Iterator[Messages]:
    for start in range(0, len(messages), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        yield Messages(messages.span, messages.offsets[part], messages.keys[part], messages.values[part])


def _placed(rows: pa.Table, partition: Partition, offsets: pa.Array, now: datetime) -> pa.Table:
    """The rows with where their messages lay, in the order of the log's columns."""
    repeated = {
        "source": partition.source,
        "topic": partition.topic,
        "partition": partition.number,
        "ingested_ts": now,
    }
    columns = {name: rows[name] for name in EVENT_COLUMNS.names} | {"offset": offsets}
    columns |= {
        name: pa.repeat(pa.scalar(word, LOG_COLUMNS.field(name).type), len(rows)) for name, word in repeated.items()
    }
    return pa.table({name: columns[name] for name in LOG_COLUMNS.names}, LOG_COLUMNS)


def _letter(
    partition: Partition, offset: int, content: tuple[int, bytes | None, bytes | None, list[str]], now: datetime
) -> dict[str, object]:
    messages, key, raw, reasons = content
    return {
        "source": partition.source,
        "topic": partition.topic,
        "partition": partition.number,
        "offset": offset,
        "messages": messages,
        "key": key,
        "raw": raw,
        "reasons": reasons,
        "ingested_ts": now,
    }

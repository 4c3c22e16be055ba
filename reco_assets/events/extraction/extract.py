"""From topics to the data lake, each event once: what one extraction does, step by step.

A step takes the next messages of every partition, at most `AT_ONCE` in all, and commits their rows to `events/log`
together with the offsets that they reach. Whatever ends it before that commit has changed nothing; dead letters, which
are committed just before, are known by their place when a step is done again.
"""

import warnings
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pac
import pyarrow.dataset as ds

from reco_assets.events.extraction.counts import Extracted, counted
from reco_assets.events.extraction.forgotten import without_forgotten
from reco_assets.events.extraction.judged import Place, first_of_each_id, judge
from reco_assets.events.extraction.messages import EventsError, OffsetsGoneError, Source
from reco_assets.events.extraction.planning import Plan, plan_step, start_of
from reco_assets.events.extraction.sources import event_sources
from reco_assets.events.extraction.upkeep import after_extraction
from reco_assets.events.schema import EventType, topics
from reco_assets.steps import reached
from reco_assets.tables import DEAD_LETTERS, EVENTS_LOG
from reco_assets.tombstones import read_tombstones
from resources.kafka.clients import BrokerAwayError
from resources.tables.lakehouse import Lakehouse
from resources.tables.positions import OvertakenError, Positions, append_from, read_positions

AT_ONCE = 500_000  # messages of one commit: 0.5 GB of memory
STEPS = ("offsets_planned", "events_read", "dead_letters_written", "events_written")  # points at which tests kill
TRIES = 5  # of a step that another extraction, or the broker's retention, was faster than


def extract(lakehouse: Lakehouse, sources: Sequence[Source] | None = None) -> Extracted:
    """Take what has come since the last extraction, at most EVENTS_MAX_PER_RUN messages, into the lake.

    `sources`: where from; None: from those of the settings. Raises `EventsError`, `BrokerAwayError` where one cannot be
    read; what was committed until then stays, and the next extraction goes on behind it.
    """
    sources = event_sources(lakehouse) if sources is None else sources
    done, left = Extracted(), lakehouse.settings.events.max_per_run
    for source in sources:
        while left and (step := _retried(lakehouse, source, min(left, AT_ONCE))):
            done, left = done + step, left - step.read.total()
    if done.read:
        after_extraction(lakehouse)
    return done + Extracted(lag=_lag(lakehouse, sources))


def _lag(lakehouse: Lakehouse, sources: Sequence[Source]) -> Counter[str]:
    """As `backlog`; what was done is not to be lost where that can't be known."""
    try:
        return backlog(lakehouse, sources)
    except (BrokerAwayError, EventsError) as error:
        warnings.warn(f"How many messages wait is not known: {error}", stacklevel=2)
        return Counter()


def backlog(lakehouse: Lakehouse, sources: Sequence[Source]) -> Counter[str]:
    """How many messages wait, by topic. Raises `EventsError`."""
    waiting = Counter[str]()
    log = read_positions(lakehouse, EVENTS_LOG) if lakehouse.exists(EVENTS_LOG.name) else None
    for source in sources:
        for partition in source.partitions(list(_kinds(lakehouse))):
            start = start_of(partition, log.of(partition.stream) if log else None)
            waiting[partition.topic] += source.span(partition, start, None).messages
    return waiting


def _retried(lakehouse: Lakehouse, source: Source, most: int) -> Extracted | None:
    for _ in range(TRIES - 1):
        with suppress(OvertakenError, OffsetsGoneError):
            return _step(lakehouse, source, most)
    return _step(lakehouse, source, most)


def _step(lakehouse: Lakehouse, source: Source, most: int) -> Extracted | None:
    """Take the next messages of a source; None where there are none."""
    kinds = _kinds(lakehouse)
    with lakehouse.lock(EVENTS_LOG.name):
        partitions = source.partitions(list(kinds))
        if not any(partition.end for partition in partitions):
            return None
        log, dead = read_positions(lakehouse, EVENTS_LOG), read_positions(lakehouse, DEAD_LETTERS)
        plan = plan_step(source, partitions, log.of, most)
        if not plan.spans:
            return None
        reached("offsets_planned")
        came, gone = source.read(plan.spans), read_tombstones(lakehouse.root)
        kept = [without_forgotten(messages, gone) for messages in came]
        batches = [(messages, kinds[messages.span.partition.topic]) for messages in kept]
        known = _known(lakehouse, dead, log, plan)
        judged = judge(batches, plan.gaps, known, datetime.now(UTC))
        reached("events_read")
        ends = {span.partition.stream: span.end for span in plan.spans}
        if len(judged.dead):
            ahead = {stream: max(end, dead.of(stream) or 0) for stream, end in ends.items()}
            append_from(lakehouse, DEAD_LETTERS, dead, judged.dead, ahead)
            reached("dead_letters_written")
        fresh = _without_held(lakehouse, first_of_each_id(judged.rows))
        before, newest = lakehouse.row_count(EVENTS_LOG.name), log.newest("event_date")
        append_from(lakehouse, EVENTS_LOG, log, fresh, ends)
        reached("events_written")
        written = lakehouse.row_count(EVENTS_LOG.name) - before
    left_out = Counter({one.span.partition.topic: len(one) - len(other) for one, other in zip(came, kept, strict=True)})
    return counted(kept, judged, fresh, newest, written) + Extracted(
        read=+left_out,
        forgotten=+left_out,
        offsets={str(span.partition): span.end for span in plan.spans},
        gaps=plan.gaps,
        reread=plan.reread,
    )


def _kinds(lakehouse: Lakehouse) -> dict[str, EventType]:
    return topics(lakehouse.settings.events.topic_prefix)


def _known(lakehouse: Lakehouse, dead: Positions, log: Positions, plan: Plan) -> set[Place]:
    """The dead letters of what is read again: a step was ended before it wrote to the log, or a partition was cut."""
    found = set[Place]()
    for span in plan.spans:
        partition, ahead = span.partition, dead.of(span.partition.stream)
        start = min(log.of(partition.stream) or 0, span.start)
        if ahead is None or ahead <= start:
            continue
        there = (
            (ds.field("source") == partition.source)
            & (ds.field("topic") == partition.topic)
            & (ds.field("partition") == partition.number)
            & (ds.field("offset") >= start)
        )
        rows = lakehouse.dataset(DEAD_LETTERS.name).to_table(columns=["offset", "raw"], filter=there)
        found |= {(partition.stream, row["offset"], row["raw"]) for row in rows.to_pylist()}
    return found


def _without_held(lakehouse: Lakehouse, rows: pa.Table) -> pa.Table:
    """The rows whose event_id the log does not hold: ids have no order, so all of that one column is looked at."""
    ids = pac.unique(rows["event_id"])
    held = lakehouse.dataset(EVENTS_LOG.name).to_table(columns=["event_id"], filter=ds.field("event_id").isin(ids))
    known = held["event_id"].combine_chunks()
    return rows.filter(pac.invert(pac.is_in(rows["event_id"], known))) if len(known) else rows

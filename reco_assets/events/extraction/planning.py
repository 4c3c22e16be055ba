"""Pure: what a step of an extraction reads, from what there is and how far each partition was read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reco_assets.events.extraction.messages import Gap, Partition, Source, Span


@dataclass(frozen=True)
class Plan:
    """What a step takes, and what it found on the way there."""

    spans: list[Span]
    gaps: list[Gap]
    reread: list[str]


def plan_step(source: Source, partitions: Sequence[Partition], read: Callable[[str], int | None], most: int) -> Plan:
    """What to read of each partition: a fair share of `most`, what one leaves of its share going to the others."""
    positions = {partition: read(partition.stream) for partition in partitions}
    starts = {partition: start_of(partition, position) for partition, position in positions.items()}
    spans, left = [], most
    smallest_first = sorted(partitions, key=lambda partition: partition.end - starts[partition])
    for at, partition in enumerate(smallest_first):
        spans.append(source.span(partition, starts[partition], -(-left // (len(partitions) - at))))
        left -= spans[-1].messages
    moved = [span for span in spans if span.messages or _moved(span, positions[span.partition])]
    gaps = [
        Gap(partition, position, partition.oldest - position)
        for partition, position in positions.items()
        if position is not None and position < partition.oldest <= partition.end
    ]
    reread = [
        str(partition) for partition, position in positions.items() if position is not None and position > partition.end
    ]
    return Plan(sorted(moved, key=lambda span: span.partition.stream), gaps, reread)


def _moved(span: Span, position: int | None) -> bool:
    """Whether an empty span goes on elsewhere than where the log is: behind a gap, or at the start of a new topic."""
    return position is not None and position != span.end


def start_of(partition: Partition, position: int | None) -> int:
    """Where reading goes on: behind what was read, but not before the oldest message that is kept.

    A partition that ends before that has lost messages, which may have come again: it is read again from its oldest,
    and what is known of it is dropped by event_id.
    """
    return partition.oldest if position is None or position > partition.end else max(position, partition.oldest)

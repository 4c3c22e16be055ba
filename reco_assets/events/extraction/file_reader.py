"""Events from files, which do without a broker: `<folder>/<topic>/<partition>.jsonl`, one message a line.

A message's offset is the position of its line's first byte, so reading goes on anywhere without a look at what lies
before. A last line without its end is still being written.
"""

import hashlib
import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reco_assets.events.extraction.messages import EventsError, Messages, Partition, Span

_BLOCK = 16 << 20  # bytes that are looked at together


@dataclass(frozen=True)
class FileSource:
    """The events below a folder."""

    folder: Path

    def partitions(self, topics: Sequence[str]) -> list[Partition]:
        """The files of the topics that have a whole line. Raises `EventsError` for a file that is no partition's."""
        return [
            Partition(_identity(path), topic, _number(path), 0, end)
            for topic in topics
            for path in sorted((self.folder / topic).glob("*.jsonl"))
            if (end := _end(path))
        ]

    def span(self, partition: Partition, start: int, most: int | None) -> Span:
        """The next lines; offsets are positions, so they are counted."""
        lines = 0
        with self._path(partition).open("rb") as file:
            file.seek(at := start)
            while at < partition.end and (most is None or lines < most):
                part = file.read(min(_BLOCK, partition.end - at))
                found = part.count(b"\n")
                if most is not None and lines + found > most:
                    part = part[: _end_of_line(part, most - lines)]
                    found = most - lines
                lines, at = lines + found, at + len(part)
        return Span(partition, start, at, lines)

    def read(self, spans: Sequence[Span]) -> list[Messages]:
        """The lines of the spans; a file keeps no keys."""
        return [self._lines(span) for span in spans]

    def _lines(self, span: Span) -> Messages:
        lines = _bytes(self._path(span.partition), span.start, span.end).split(b"\n")[:-1]
        offsets, at = [], span.start
        for line in lines:
            offsets.append(at)
            at += len(line) + 1
        return Messages(span, offsets, [None] * len(lines), list(lines))

    def _path(self, partition: Partition) -> Path:
        return self.folder / partition.topic / f"{partition.number}.jsonl"


def _end_of_line(text: bytes, count: int) -> int:
    """The position after so many lines."""
    after = 0
    for _ in range(count):
        after = text.index(b"\n", after) + 1
    return after


def _number(path: Path) -> int:
    if not path.stem.isdecimal():
        raise EventsError(f"{path} is no partition of a topic: its name must be a number, as 0.jsonl. Move it away.")
    return int(path.stem)


def _identity(path: Path) -> str:
    """What tells the file from a later one of its name: its first line, which holds an event_id."""
    with path.open("rb") as lines:
        return f"files:{hashlib.sha256(lines.readline()).hexdigest()[:16]}"


def _end(path: Path) -> int:
    """The position after the last whole line."""
    size = path.stat().st_size
    if not size:
        return 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as text:
        return text.rfind(b"\n") + 1


def _bytes(path: Path, start: int, end: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)

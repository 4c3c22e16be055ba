"""Files of lines: archived, waiting and given ratings, and events. A file is replaced at once, or stays as it was."""

import gzip
import io
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reco_assets.forgetting.people import People, place_of_user
from reco_assets.tombstones import FORGOTTEN_LINE
from resources.files import staged

# What stands in place of a line, its end apart; None: nothing, not even its end.
Instead = Callable[[bytes], bytes | None]


def removed(_: bytes) -> bytes | None:
    """The line goes with its end."""
    return None


def marked(_: bytes) -> bytes:
    """A line that readers know, so that all others keep their numbers."""
    return FORGOTTEN_LINE


def padded(line: bytes) -> bytes:
    """The same, as long as the line was: offsets of events are positions in their file."""
    return FORGOTTEN_LINE.ljust(len(line))


def scrub_lines(path: Path, people: People, change: bool, instead: Instead = removed) -> int:
    """How many lines of a file are of the users; with `change` they go. Its times stay."""
    with path.open("rb") as file:
        theirs = sum(1 for _, is_theirs in _judged(file, people) if is_theirs)
    if theirs and change:
        with staged(path) as written, path.open("rb") as source, written.open("wb") as target:
            for line, is_theirs in _judged(source, people):
                target.write(_replaced(line, instead) if is_theirs else line)
            target.flush()
            os.fsync(target.fileno())
            shutil.copystat(path, written)
    return theirs


def packed_lines(path: Path, people: People) -> int:
    """How many lines of a gz or zip file are of the users."""
    with _unpacked(path) as files:
        return sum(1 for file in files for _, is_theirs in _judged(file, people) if is_theirs)


def _judged(file: Iterator[bytes] | io.BufferedIOBase, people: People) -> Iterator[tuple[bytes, bool]]:
    """Each line, with its end, and whether it is of one of the users."""
    names = [name.encode() for name in people.names]
    place: int | None = None
    for at, line in enumerate(file):
        if at == 0:
            header = line.decode(errors="replace")
            named = place_of_user(header)
            place = named if named is not None or _is_header(header) else 0
            if named is not None:
                yield line, False
                continue
        is_json = line.startswith(b"{")
        maybe = (place is not None or is_json) and any(name in line for name in names)
        yield line, maybe and people.wrote(line.decode(errors="replace").rstrip("\r\n"), place or 0)


def _is_header(line: str) -> bool:
    """Whether a first line names columns: it has letters, and no field of it is a number."""
    fields = [field.strip().strip('"') for field in line.strip().replace("\t", ",").split(",")]
    return len(fields) > 1 and not any(field[:1].isdigit() for field in fields) and not line.startswith("{")


def _replaced(line: bytes, instead: Instead) -> bytes:
    content = line.rstrip(b"\r\n")
    put = instead(content)
    return b"" if put is None else put + line[len(content) :]


@contextmanager
def _unpacked(path: Path) -> Iterator[Iterator[io.BufferedIOBase]]:
    if path.suffix == ".gz":
        with gzip.open(path) as file:
            yield iter([file])
        return
    with zipfile.ZipFile(path) as packed:
        yield (packed.open(name) for name in packed.namelist() if not name.endswith("/"))  # type: ignore[misc]

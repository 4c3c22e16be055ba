"""Files of lines: archived, waiting and given ratings, and events. A file is replaced at once, or stays as it was."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath

from reco_assets.forgetting.people import People, place_of_user
from reco_assets.tombstones import FORGOTTEN_LINE
from resources.files import staged

ROWS = (".csv", ".tsv", ".dat", ".data", ".base", ".test", ".user", ".txt", ".jsonl")
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
        theirs = count_lines(file, path.name, people)
    if theirs and change:
        with staged(path) as written, path.open("rb") as source, written.open("wb") as target:
            target.writelines(left_lines(source, path.name, people, instead))
            target.flush()
            os.fsync(target.fileno())
            shutil.copystat(path, written)
        remove_sum(path)
    return theirs


def count_lines(file: Iterable[bytes], name: str, people: People) -> int:
    """How many lines of a file of this name are of the users."""
    return sum(1 for _, is_theirs in _judged(file, name, people) if is_theirs)


def left_lines(file: Iterable[bytes], name: str, people: People, instead: Instead = removed) -> Iterator[bytes]:
    """The lines of a file of this name, with something else, or nothing, in place of those of the users."""
    for line, is_theirs in _judged(file, name, people):
        yield _replaced(line, instead) if is_theirs else line


def remove_sum(path: Path) -> None:
    """Remove the sum that Hadoop keeps beside a file: with that of what the file was, Spark refuses to read it."""
    path.with_name(f".{path.name}.crc").unlink(missing_ok=True)


def _judged(file: Iterable[bytes], name: str, people: People) -> Iterator[tuple[bytes, bool]]:
    """Each line, with its end, and whether it is of one of the users."""
    names = [written.encode() for written in people.written]
    place: int | None = None
    for at, line in enumerate(file):
        if at == 0:
            header = line.decode(errors="replace")
            named = place_of_user(header)
            place = named if named is not None else _place_without_header(header, name)
            if named is not None:
                yield line, False
                continue
        is_json = line.startswith(b"{")
        maybe = (place is not None or is_json) and any(each in line for each in names)
        yield line, maybe and people.wrote(line.decode(errors="replace").rstrip("\r\n"), place or 0)


def _place_without_header(line: str, name: str) -> int | None:
    """Where the user stands in the lines of a file whose first line names none: first, as in MovieLens's and Netflix's.

    None where that line names other columns, and in lists of movies, whose ids stand there.
    """
    fields = [field.strip().strip('"') for field in line.strip().replace("\t", ",").split(",")]
    is_header = len(fields) > 1 and not any(field[:1].isdigit() for field in fields) and not line.startswith("{")
    return None if is_header or PurePath(name).name.lower().startswith("movie") else 0


def _replaced(line: bytes, instead: Instead) -> bytes:
    content = line.rstrip(b"\r\n")
    put = instead(content)
    return b"" if put is None else put + line[len(content) :]

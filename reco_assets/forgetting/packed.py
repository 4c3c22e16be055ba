"""Files of lines that are packed by gzip, or lie in a zip."""

import gzip
import io
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path

from reco_assets.forgetting.lines import ROWS, count_lines, left_lines
from reco_assets.forgetting.people import People
from reco_assets.sources.packed import DAMAGE
from resources.files import flush_to_disk, staged

# The last is of zips with a password.
DAMAGED = (*DAMAGE, RuntimeError)


def scrub_packed(path: Path, people: People, change: bool) -> int:
    """How many lines of the files of lines in a gz or zip file are of the users; with `change` they go."""
    theirs = packed_lines(path, people, of_rows=True)
    if theirs and change:
        with staged(path) as written:
            (_write_gz if path.suffix.lower() == ".gz" else _write_zip)(path, written, people)
            shutil.copystat(path, written)
            flush_to_disk(written)
    return theirs


def packed_lines(path: Path, people: People, *, of_rows: bool) -> int:
    """How many lines of what is packed are of the users: of the files of lines in it, or of all others."""
    with _unpacked(path) as files:
        return sum(count_lines(file, name, people) for name, file in files if _has_rows(name) == of_rows)


def _has_rows(name: str) -> bool:
    return name.lower().endswith(ROWS)


@contextmanager
def _unpacked(path: Path) -> Iterator[Iterator[tuple[str, io.BufferedIOBase]]]:
    """Each file in it with its name."""
    if path.suffix.lower() == ".gz":
        with gzip.open(path) as file:
            yield iter([(path.stem, file)])
        return
    with zipfile.ZipFile(path) as packed:
        yield (
            (member.filename, packed.open(member))  # type: ignore[misc]
            for member in packed.infolist()
            if not member.is_dir()
        )


def _write_gz(path: Path, target: Path, people: People) -> None:
    with gzip.open(path) as source, gzip.open(target, "wb") as made:
        made.writelines(left_lines(source, path.stem, people))


def _write_zip(path: Path, target: Path, people: People) -> None:
    """Each file in it is packed as it was."""
    with zipfile.ZipFile(path) as packed, zipfile.ZipFile(target, "w") as made:
        made.comment = packed.comment
        for member in packed.infolist():
            if member.is_dir():
                made.writestr(copy(member), b"")
                continue
            with packed.open(member) as source, made.open(copy(member), "w", force_zip64=True) as file:
                if _has_rows(member.filename):
                    file.writelines(left_lines(source, member.filename, people))
                else:
                    shutil.copyfileobj(source, file)

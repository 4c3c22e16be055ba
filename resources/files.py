"""Small files that a reader sees whole: the old text or the new."""

import json
import os
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from resources.errors import RecoError


class NoRegularFileError(RecoError):
    """What lies where a file is to be written is a device, a pipe or a folder; the message names it."""


def write_text_atomically(path: Path, text: str) -> None:
    """Replace a small file so that a reader sees the old text or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        put_in_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def put_in_place(written: Path, path: Path) -> None:
    """Rename a file that is complete to its name, also where a folder of that name lies: that is kept beside it.

    Raises `NoRegularFileError` where a device, pipe or socket lies there.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise _no_regular_file(path)
    if path.is_dir() and not path.is_symlink():
        warnings.warn(f"{path} is a folder, and is kept as {set_aside(path).name}: a file belongs there.", stacklevel=2)
    written.replace(path)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A free name beside a file that a person named, to be written; at the end it takes that file's place, or a link's
    target's.

    Raises `NoRegularFileError` before anything is written; an error of the operating system names the file itself.
    """
    target = Path(os.path.realpath(path))
    if os.path.lexists(target) and not target.is_file():
        raise _no_regular_file(path)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(target)
    except OSError as error:
        if error.filename != str(temporary):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _no_regular_file(path: Path) -> NoRegularFileError:
    return NoRegularFileError(f"{path} is no regular file. Give the path of a file to be made or replaced.")


def write_json(path: Path, document: Any) -> None:
    """Replace a JSON file atomically; keys keep their order."""
    write_text_atomically(path, json.dumps(document, indent=2) + "\n")


def set_aside(path: Path) -> Path:
    """Rename a damaged file to a free name beside it, `<name>.damaged`; returns where it lies now."""
    kept, number = path.with_name(f"{path.name}.damaged"), 2
    while os.path.lexists(kept):
        kept, number = path.with_name(f"{path.name}.damaged-{number}"), number + 1
    return path.rename(kept)

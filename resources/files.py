"""Files and folders that a reader sees whole, the old ones or the new; and plain values for JSON."""

import json
import os
import shutil
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from resources.errors import RecoError


class NoRegularFileError(RecoError):
    """What lies where a file is to be written is a device, a pipe or a folder; the message names it."""


def hidden_beside(path: Path) -> Path:
    """A free hidden name in the same folder, as only within one file system is a rename one step."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}")


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A hidden name beside `path`, to write a file or a folder under; at the end it takes the name `path` in one step.

    Where the block fails, `path` is as it was, and nothing is left beside it. A file takes the place of what is there
    as `put_in_place` says; a folder never takes the place of one that holds something.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = hidden_beside(path)
    try:
        yield staging
        if staging.is_dir():
            staging.rename(path)
        else:
            put_in_place(staging, path)
    finally:
        if staging.is_dir():
            shutil.rmtree(staging, ignore_errors=True)
        else:
            staging.unlink(missing_ok=True)


def flush_to_disk(path: Path) -> None:
    """Return once a file's content, or a folder's list of names, is on the disk and would outlast a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text_atomically(path: Path, text: str) -> None:
    """Replace a small file so that a reader sees the old text or the new, never a part."""
    with staged(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        flush_to_disk(temporary)


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
    temporary: Path | None = None
    try:
        with staged(target) as temporary:
            yield temporary
    except OSError as error:
        if error.filename != str(temporary):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _no_regular_file(path: Path) -> NoRegularFileError:
    return NoRegularFileError(f"{path} is no regular file. Give the path of a file to be made or replaced.")


def plain_json(value: Any) -> Any:
    """The value as every JSON reader takes it: None for NaN and infinity, text for what JSON does not know."""
    return to_jsonable_python(value, inf_nan_mode="null", fallback=_without_numpy)


def _without_numpy(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def write_json(path: Path, document: Any) -> None:
    """Replace a JSON file atomically; keys keep their order."""
    write_text_atomically(path, json.dumps(document, indent=2) + "\n")


def remove_folder(path: Path) -> None:
    """Remove a folder, which is renamed before: whoever lists its parent sees all of it or nothing."""
    going = path.with_name(f".{path.name}.removed")
    shutil.rmtree(going, ignore_errors=True)
    path.rename(going)
    shutil.rmtree(going)


def set_aside(path: Path) -> Path:
    """Rename a damaged file to a free name beside it, `<name>.damaged`; returns where it lies now."""
    kept, number = path.with_name(f"{path.name}.damaged"), 2
    while os.path.lexists(kept):
        kept, number = path.with_name(f"{path.name}.damaged-{number}"), number + 1
    return path.rename(kept)

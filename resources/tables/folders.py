"""A folder swapped for another one in one step, with nothing lost to a crash in between."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resources.paths.addresses import plain_stem


@contextmanager
def swapped_in(path: Path) -> Iterator[Path]:
    """Give a sibling folder to write to; rename it into place only if the block succeeds.

    Between the two renames nothing lies at `path`: whoever reads then, or after a crash just there, finds the
    retired folder by `current`.
    """
    staging, retired = path.with_name(f".{plain_stem(path.name)}.{uuid.uuid4().hex}"), _retired(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield staging
        if path.exists():
            shutil.rmtree(retired, ignore_errors=True)
            path.rename(retired)
        staging.rename(path)
        shutil.rmtree(retired, ignore_errors=True)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _retired(path: Path) -> Path:
    return path.with_name(f".{plain_stem(path.name)}.old")


def current(path: Path) -> Path:
    """The folder that holds the newest complete version of a parquet table."""
    retired = _retired(path)
    return retired if retired.exists() and not path.exists() else path


def sweep(path: Path) -> None:
    """Remove what killed writers left beside a table, and put back what one of them had moved aside.

    Whoever calls this holds the table's lock.
    """
    if current(path) != path:
        _retired(path).rename(path)
    for leftover in path.parent.glob(f".{plain_stem(path.name)}.*"):
        shutil.rmtree(leftover, ignore_errors=True)

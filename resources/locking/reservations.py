"""Names made from the clock, each given to one process only, and before its work begins.

A reservation is a hidden file beside the path that it is for, and counts as long as a living process holds its OS
lock. The lock ends with the process, however that ends; whoever comes next removes what a dead one left.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from glob import escape
from itertools import count
from pathlib import Path

from resources.errors import RecoError

STAMP = "%Y%m%d_%H%M%S"
_RESERVATION = re.compile(r"\.(?P<name>.+)\.reserved")
_STAGED = "[0-9a-f]" * 32  # how `files.hidden_beside` ends


class NameTakenError(RecoError):
    """A path is there already, or another process is about to make it; the message names the path."""


@contextmanager
def reserved_stamp(paths: Callable[[str], Collection[Path]], moment: datetime | None = None) -> Iterator[str]:
    """Reserve a name of the form 20250101_120000, with _2, _3 … behind it where that is taken.

    Args:
        paths: What is made under a name. The name is free when none of these exists and nobody has reserved one.
        moment: The time to name, now (UTC) unless it is given.

    Yields:
        The name, which stays reserved until the block ends.
    """
    stamp = (moment or datetime.now(UTC)).strftime(STAMP)
    for number in count(1):
        name = stamp if number == 1 else f"{stamp}_{number}"
        with ExitStack() as held:
            if not all(_reserve(path, held) for path in paths(name)):
                continue
            yield name
            return


@contextmanager
def reserved_path(path: Path) -> Iterator[None]:
    """Reserve one path until the block ends. Raises `NameTakenError` where it exists or another process makes it."""
    with ExitStack() as held:
        if not _reserve(path, held):
            made = "exists already" if path.exists() else "is being made by another process"
            raise NameTakenError(f"{path} {made}; nothing is overwritten. Give another path.")
        yield


def _reserve(path: Path, held: ExitStack) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_dead(path.parent)
    reservation = path.with_name(f".{path.name}.reserved")
    handle = _locked(reservation)
    if handle is None:
        return False
    held.callback(_release, reservation, handle)
    return not os.path.lexists(path)


def _locked(reservation: Path) -> int | None:
    """The reservation, created if need be, with its lock; None where a living process has it."""
    while True:
        handle = os.open(reservation, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        if _is_at(handle, reservation):
            return handle
        os.close(handle)  # its holder removed it after it was opened here: only a file with a name counts


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False


def _release(reservation: Path, handle: int) -> None:
    reservation.unlink(missing_ok=True)  # while it is locked, so that nobody else's is removed
    os.close(handle)


def _remove_dead(folder: Path) -> None:
    for reservation in folder.glob(".*.reserved"):
        found = _RESERVATION.fullmatch(reservation.name)
        if found is None or reservation.is_symlink():
            continue
        with suppress(OSError):
            handle = os.open(reservation, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(handle, reservation):
                    for staged in folder.glob(f".{escape(found['name'])}.{_STAGED}"):
                        shutil.rmtree(staged, ignore_errors=True)
                    reservation.unlink(missing_ok=True)
            finally:
                os.close(handle)

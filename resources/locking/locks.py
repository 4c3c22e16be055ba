"""One holder of a lock file at a time, whichever process it is in: who waits is told for whom, and not for ever.

The lock is the kernel's (`flock`), so that a process which dies holds none; the file's text says who holds it.
"""

import errno
import fcntl
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from resources.errors import RecoError
from resources.text.plain_text import printable

MAKING_SECONDS = 600.0  # for who waits until another process has made what both need, which takes seconds
POLL_SECONDS = 0.05  # the kernel wakes a waiting flock at once, but lets it wait for ever
COMMAND_CHARACTERS = 200
_HELD: set[tuple[int, Path]] = set()  # (thread, lock file)


class LockError(RecoError):
    """A lock was not to be had in time; the message names its holder."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock: process, its command line, and since when (ISO 8601, UTC)."""

    pid: int
    command: str
    since: str

    def __str__(self) -> str:
        """As a person is told, on one line whatever the file says."""
        return printable(f"process {self.pid} ({self.command}) since {self.since}")


@contextmanager
def held(lock_file: Path, what: str, timeout_seconds: float) -> Iterator[None]:
    """Hold the lock; a thread that has it may take it again. Raises `LockError` after that many seconds.

    Who has to wait says so once, on standard error: for `what`, and who holds it.
    """
    mine = (threading.get_ident(), lock_file)
    if mine in _HELD:
        yield
        return
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    handle = _open(lock_file)
    try:
        take(handle, what, timeout_seconds)
        _HELD.add(mine)
        _sign(handle)
        try:
            yield
        finally:
            os.ftruncate(handle, 0)
            _HELD.discard(mine)
            # Closing would not do: an engine that was started meanwhile has a copy of the descriptor (seen with Sail).
            fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)


def holders(folder: Path) -> dict[str, str]:
    """The lock files of a folder that are held now, by name, and by whom; of a dead process there may be text alone."""
    found = {}
    for path in sorted(folder.glob("*.lock")) if folder.is_dir() else ():
        with suppress(OSError):
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                found[path.name] = str(_holder(handle))
            finally:
                os.close(handle)
    return found


def _open(lock_file: Path) -> int:
    # Without truncation, which would wipe out who holds it; without following links, or a link would have what it
    # points at written to; not inherited by what this process starts.
    asked = os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        folder = os.open(lock_file.parent, os.O_RDONLY | os.O_DIRECTORY | asked)
        try:
            return os.open(lock_file.name, os.O_RDWR | os.O_CREAT | asked, 0o666, dir_fd=folder)
        finally:
            os.close(folder)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        raise LockError(f"{lock_file} is, or lies in, a link: remove the link and start again.") from None


def take(handle: int, what: str, timeout_seconds: float) -> None:
    """Lock what is open, in `held`'s words to who has to wait. Raises `LockError` after that many seconds."""
    deadline, told = time.monotonic() + timeout_seconds, False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            return
        if time.monotonic() >= deadline:
            raise LockError(
                f"{what} is locked by {_holder(handle)}, and was not free within {timeout_seconds:g} seconds. "
                "Let that process end, or end it, and start again."
            )
        if not told:
            print(f"{what} is locked by {_holder(handle)}: waiting for it.", file=sys.stderr, flush=True)
            told = True
        time.sleep(POLL_SECONDS)


def _sign(handle: int) -> None:
    command = " ".join([os.path.basename(sys.argv[0]) or "python", *sys.argv[1:]])[:COMMAND_CHARACTERS]
    me = Holder(os.getpid(), command, datetime.now(UTC).isoformat(timespec="seconds"))
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(asdict(me)).encode(), 0)


def _holder(handle: int) -> Holder | str:
    """Who holds the lock by the file's text, which any version of the platform may have left there."""
    try:
        found: Any = json.loads(os.pread(handle, 4 * COMMAND_CHARACTERS + 1000, 0))
        return Holder(int(found["pid"]), str(found["command"]), str(found["since"]))
    except (OSError, ValueError, TypeError, KeyError):  # a folder has no text
        return "another process"

"""One writer at a time below a folder that is given: a lock that leaves nothing behind in it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resources.errors import RecoError
from resources.locking.locks import take


class FolderLockError(RecoError):
    """A folder can't be locked; the message names it and says why."""


@contextmanager
def folder_lock(folder: Path, timeout_seconds: float) -> Iterator[None]:
    """Hold the folder's OS lock, on the folder itself, which is made if need be; another process's writer waits.

    What is replaced below it must not be the folder itself. Raises `FolderLockError`, and `LockError` after that many
    seconds; who has to wait says so once, on standard error.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise FolderLockError(f"{folder} can't be written to: {error.strerror}. Give another path.") from None
    try:
        take(handle, str(folder), timeout_seconds)
        try:
            yield
        finally:
            # Closing would not do, as a child process may have a copy of the descriptor.
            fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)

"""The streaming folder: which files lie there, and which of them are complete.

    streaming/                 users drop *.csv here
    streaming/_claimed/<id>/   what a run took, each file under its own name
    streaming/_refused/        files without the documented header, each with its <name>.error.txt

What is done with the files is in `claims`; what is said of those not taken in `not_taken`.
"""

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reco_assets.streaming.writers import Look, Writers
from resources.errors import RecoError

DONE = ".done"
SUFFIX = ".csv"
OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
UTF16 = b"\xff\xfe"  # little-endian, as Windows writes it
HAS_A_WRITER = "a process has it open for writing"
NO_END = f"its last line has no end; end it with a newline, or put an empty file of its name with {DONE} beside it"


class LandingError(RecoError):
    """A file cannot be taken from where it lies; the message names it and says what to do."""


@dataclass(frozen=True)
class LandedFile:
    """A file as one look at the folder saw it; two equal looks mean that nobody wrote to it in between.

    `ctime_ns`: when it came to lie there, or was last changed in any way; unlike `mtime_ns`, nobody can set it.
    """

    name: str
    size: int
    mtime_ns: int
    inode: int
    ctime_ns: int = 0


def landed_files(folder: Path) -> list[LandedFile]:
    """The files that may be taken, in the order in which they came. Lists and stats only: 10,000 files take 50 ms.

    Left out: what `name_defect` names, and whatever is no regular file.
    """
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        named = [entry for entry in entries if name_defect(entry.name) is None]
    seen = []
    for entry in named:
        with suppress(OSError):  # gone meanwhile
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(found.st_mode):
                seen.append(as_seen(entry.name, found))
    return sorted(seen, key=lambda file: (file.ctime_ns, file.name))


def as_seen(name: str, found: os.stat_result) -> LandedFile:
    """A file as it is now."""
    return LandedFile(name, found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns)


def name_defect(name: str) -> str | None:
    """Why a file of this name is never taken from the folder; None where it may be."""
    if "/" in name or name in ("", ".", ".."):
        return "it is not the bare name of a file in the streaming folder"
    if name.startswith(("_", ".")):
        return "names that start with _ or . are left alone"
    if not name.lower().endswith(SUFFIX):
        return f"it does not end in {SUFFIX}"
    return encoding_defect(name)


def encoding_defect(name: str) -> str | None:
    """Why a name cannot be recorded: tables, JSON and run configurations hold names, and none of them can hold it."""
    return None if name.isascii() or name == os.fsencode(name).decode(errors="ignore") else "its name is not UTF-8"


def incompleteness(folder: Path, file: LandedFile, look: Look) -> str | None:
    """Why the file is not complete; None where it is, as far as one look can tell. Reads a few bytes.

    A file is complete when no process has it open for writing and it ends in a newline, or `<name>.done` lies beside
    it. An empty one never is.
    """
    if file.size == 0:
        return "it is empty"
    try:
        handle = open_regular(folder / file.name)
    except LandingError as error:
        return str(error)
    except FileNotFoundError:
        return "it is gone"
    try:
        return _unfinished(folder, file, handle, look)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    finally:
        os.close(handle)


def _unfinished(folder: Path, file: LandedFile, handle: int, look: Look) -> str | None:
    if look.writers(handle) is Writers.SOME:
        return HAS_A_WRITER
    end = os.pread(handle, 2, max(file.size - 2, 0))
    # UTF-16 is refused, by its header: its last line has an end, and to wait for another would be in vain.
    ended = end.endswith(b"\n") or (end == b"\n\0" and os.pread(handle, 2, 0) == UTF16)
    return None if ended or is_said_to_be_complete(folder, file.name) else NO_END


def is_said_to_be_complete(folder: Path, name: str) -> bool:
    """Whether `<name>.done` lies beside the file."""
    return os.path.lexists(folder / f"{name}{DONE}")


def open_regular(path: Path, folder_handle: int | None = None) -> int:
    """A file descriptor to read from; raises `LandingError` for links, folders, pipes, devices and unreadable files.

    With `folder_handle` the file is looked up by its bare name in that folder.
    """
    try:
        handle = os.open(path if folder_handle is None else path.name, OPEN_FLAGS, dir_fd=folder_handle)
    except FileNotFoundError:
        raise
    except OSError as error:
        if isinstance(error, PermissionError):
            raise LandingError(f"{path} may not be read; give the platform's user the right to.") from None
        if error.errno == errno.ELOOP:
            raise LandingError(f"{path} is a symbolic link; only regular files are taken in.") from None
        if error.errno in (errno.ENXIO, errno.ENODEV):  # a socket
            raise LandingError(f"{path} is not a regular file; only regular files are taken in.") from None
        raise LandingError(f"{path} cannot be opened: {error.strerror}.") from error
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise LandingError(f"{path} is not a regular file; only regular files are taken in.")


def require_takeable(names: Iterable[str]) -> None:
    """Raise `LandingError` if one of the names can never be the name of a file that is taken."""
    for name in names:
        if defect := name_defect(name):
            raise LandingError(f"{name!r} cannot be taken in: {defect}.")

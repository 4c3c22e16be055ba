"""The streaming folder: which files lie there, and how one is claimed, refused or deleted.

    streaming/                 users drop *.csv here
    streaming/_claimed/<id>/   what one run took, under the files' own names
    streaming/_refused/        files without the documented header, each with its <name>.error.txt

A claim is a rename within one file system, so a file is in the folder or claimed, never in both or neither.
"""

import errno
import os
import shutil
import stat
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reco_assets.streaming.steps import reached
from resources.atomic_files import write_text_atomically
from resources.durable import flush_to_disk
from resources.errors import RecoError

CLAIMED, REFUSED, DONE = "_claimed", "_refused", ".done"
STEM_BYTES, SUFFIX_BYTES = 180, 20  # of a refused file: a name may have 255, and what is put beside it adds 44
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class LandingError(RecoError):
    """A file cannot be taken from where it lies; the message names it and says what to do."""


@dataclass(frozen=True)
class LandedFile:
    """A file as one look at the folder saw it; two equal looks mean that nobody wrote to it in between."""

    name: str
    size: int
    mtime_ns: int
    inode: int


def landed_files(folder: Path) -> list[LandedFile]:
    """The files that may be taken, the least recently changed first. Lists and stats only: 10,000 files take 50 ms.

    Left out: what `name_defect` names, and whatever is no regular file.
    """
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        named = [entry for entry in entries if name_defect(entry.name) is None]
    seen = []
    for entry in named:
        with suppress(FileNotFoundError):
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(found.st_mode):
                seen.append(LandedFile(entry.name, found.st_size, found.st_mtime_ns, found.st_ino))
    return sorted(seen, key=lambda file: (file.mtime_ns, file.name))


def name_defect(name: str) -> str | None:
    """Why a file of this name is never taken from the folder; None where it may be."""
    if "/" in name or name in ("", ".", ".."):
        return "it is not the bare name of a file in the streaming folder"
    if name.startswith(("_", ".")):
        return "names that start with _ or . are left alone"
    if not name.endswith(".csv"):
        return "it does not end in .csv"
    return _encoding_defect(name)


def _encoding_defect(name: str) -> str | None:
    # Tables, JSON and run configurations all hold names, and none of them can hold this one.
    return None if name.isascii() or name == os.fsencode(name).decode(errors="ignore") else "its name is not UTF-8"


def is_complete(folder: Path, file: LandedFile) -> bool:
    """Whether the file ends in a newline, or `<name>.done` lies beside it. An empty file never is. Reads one byte."""
    if file.size == 0:
        return False
    if os.path.lexists(folder / f"{file.name}{DONE}"):
        return True
    try:
        handle = open_regular(folder / file.name)
    except (LandingError, FileNotFoundError):
        return False
    try:
        return os.pread(handle, 1, file.size - 1) == b"\n"
    finally:
        os.close(handle)


def open_regular(path: Path) -> int:
    """A file descriptor to read from; raises `LandingError` for links, folders, pipes and devices."""
    try:
        handle = os.open(path, _OPEN)
    except PermissionError:
        raise LandingError(f"{path} may not be read; give the platform's user the right to.") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise LandingError(f"{path} is a symbolic link; only regular files are taken in.") from None
        raise
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise LandingError(f"{path} is not a regular file; only regular files are taken in.")


def require_takeable(folder: Path, names: Iterable[str]) -> None:
    """Raise `LandingError` if one of the names can never be taken; a file that is not there is no fault of its name."""
    for name in names:
        if defect := name_defect(name):
            raise LandingError(f"{name!r} cannot be taken in: {defect}.")
        with suppress(FileNotFoundError):
            os.close(open_regular(folder / name))


def claimed_files(folder: Path) -> list[Path]:
    """What runs claimed and did not finish, the least recently changed first. A run may be at work meanwhile."""
    found = []
    with suppress(FileNotFoundError):
        for own in (folder / CLAIMED).iterdir():
            with suppress(FileNotFoundError, NotADirectoryError):
                found += [(path.lstat().st_mtime_ns, path.name, path) for path in own.iterdir()]
    return [path for *_, path in sorted(found)]


def claim(folder: Path, names: Sequence[str]) -> list[Path]:
    """Move the files into a claim of their own; names whose file is gone, taken by another run, are left out."""
    claimed = []
    if names:
        own = _new_claim(folder)
        for name in names:
            with suppress(FileNotFoundError):
                claimed.append((folder / name).rename(own / name))
                reached("claimed")
                _remove_done(folder / name)
    return claimed


def claim_from(folder: Path, path: Path) -> Path:
    """Move one file that lies anywhere into a claim; across file systems by a copy that is on disk before.

    Raises `LandingError` when it is no regular file or may not be moved, `FileNotFoundError` when it is not there.
    """
    if defect := _encoding_defect(path.name):
        raise LandingError(f"{str(path)!r} cannot be taken in: {defect}.")
    os.close(open_regular(path))
    target = _new_claim(folder) / path.name
    try:
        path.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise LandingError(f"{path} cannot be moved into {folder}: {error.strerror}.") from error
        partial = folder / CLAIMED / f".{uuid.uuid4().hex}"
        shutil.copy2(path, partial)
        flush_to_disk(partial)
        partial.rename(target)
        path.unlink()
    reached("claimed")
    _remove_done(path)
    return target


def refuse(folder: Path, claimed: Path, error: str) -> str:
    """Move a claimed file to the refused ones with the error beside it; returns the error, naming where it lies now."""
    refused = _free_name(folder / REFUSED, claimed.name)
    explained = error.replace(str(claimed), str(refused))
    write_text_atomically(refused.with_name(f"{refused.name}.error.txt"), f"{explained}\n")
    reached("refusal_explained")
    claimed.rename(refused)
    return explained


def delete_claimed(claimed: Path) -> None:
    """Delete a claimed file, and its claim with the last one."""
    claimed.unlink()
    with suppress(OSError):  # not empty
        claimed.parent.rmdir()


def sweep_claims(folder: Path) -> None:
    """Remove what killed runs left: claims without a file, partial copies, and the .done of a file that is claimed.

    Whoever calls this holds the intake's lock.
    """
    for left in (folder / CLAIMED).glob("*"):
        if not left.is_dir():
            left.unlink()
            continue
        for claimed in left.iterdir():
            if not os.path.lexists(folder / claimed.name):
                _remove_done(folder / claimed.name)
        with suppress(OSError):  # not empty
            left.rmdir()


def _remove_done(path: Path) -> None:
    with suppress(OSError):  # none there, or a name so long that there can be none
        path.with_name(f"{path.name}{DONE}").unlink()


def _new_claim(folder: Path) -> Path:
    own = folder / CLAIMED / uuid.uuid4().hex
    own.mkdir(parents=True)
    return own


def _free_name(folder: Path, name: str) -> Path:
    stem, suffix = os.path.splitext(name)
    stem, suffix = _cut(stem, STEM_BYTES), _cut(suffix, SUFFIX_BYTES)
    candidate, number = folder / f"{stem}{suffix}", 2
    while os.path.lexists(candidate):
        candidate, number = folder / f"{stem}-{number}{suffix}", number + 1
    return candidate


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")

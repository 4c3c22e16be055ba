"""Claims: files that a run took from the streaming folder, each in a folder of its own, until they are done with.

A claim is a rename within one file system, so a file is in the streaming folder or claimed, never in both or neither.
Its folder is named after when the file came, so that claims sort in that order. All is done below folders that are
opened without following links: others may write to the streaming folder.
"""

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reco_assets.steps import reached
from reco_assets.streaming.landing import DONE, LandingError, encoding_defect, open_regular
from resources.paths.own_folders import OwnFolder, StrangeFolderError, own_folder, require_own_folders

CLAIMED, REFUSED = "_claimed", "_refused"
TAKEN = ".taken"  # beside a claim: which parts of its file are archived
STEM_BYTES, SUFFIX_BYTES = 180, 20  # of a refused file: a name may have 255, and what is put beside it adds 44


@dataclass(frozen=True)
class Claims:
    """Files that were claimed, and {name: why not} of those that may not be moved."""

    paths: tuple[Path, ...]
    failed: dict[str, str]


def require_own_streaming_folders(folder: Path) -> None:
    """Raise `StrangeFolderError` where claimed or refused files would be moved, deleted or written elsewhere."""
    with suppress(FileNotFoundError):
        require_own_folders(folder, [(CLAIMED,), (REFUSED,)])


def claimed_files(folder: Path) -> list[Path]:
    """What runs claimed and did not finish, in the order in which it came. A run may be at work meanwhile."""
    found = []
    with suppress(FileNotFoundError), own_folder(folder, CLAIMED) as claims:
        for name in claims.names():
            with suppress(OSError, StrangeFolderError), _claim_folder(claims, name) as own:
                found += [own.path / file for file in own.names()]
    return found


def claim(folder: Path, names: Iterable[str], limit: int | None = None) -> Claims:
    """Move the files, up to a limit, into claims of their own; names whose file another run took are left out."""
    paths, failed = list[Path](), dict[str, str]()
    for name in names:
        if len(paths) == limit:  # those that may not be moved take nobody's place
            break
        try:
            paths.append(_claim(folder, name))
        except FileNotFoundError:
            continue
        except OSError as error:
            failed[name] = f"it may not be moved: {error.strerror}"
    return Claims(tuple(paths), failed)


def claim_copy(folder: Path, path: Path, *, move: bool = False) -> Path:
    """Copy one file that lies anywhere into a claim, on disk before anyone sees it; with `move` the file then goes.

    Raises `LandingError` when it is no regular file, `OSError` when it cannot be copied, or not be deleted after that.
    """
    if defect := encoding_defect(path.name):
        raise LandingError(f"{str(path)!r} cannot be taken in: {defect}.")
    with _new_claim(folder, os.lstat(path).st_ctime_ns) as (claims, own):
        partial = f".{uuid.uuid4().hex}"
        with os.fdopen(open_regular(path), "rb") as source, os.fdopen(claims.create(partial), "wb") as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
        claims.move(partial, own, path.name)
        reached("claimed")
        if move:
            path.unlink()
        return own.path / path.name


@contextmanager
def opened(claimed: Path) -> Iterator[BinaryIO]:
    """A claimed file, open for reading. Raises `LandingError` for what is no regular file, or cannot be opened."""
    with _folder_of(claimed) as own, os.fdopen(open_regular(claimed, own.handle), "rb") as handle:
        yield handle


def refuse(claimed: Path, error: str) -> str:
    """Move a claimed file to the refused ones with the error beside it; returns the error, naming where it lies now.

    Raises `OSError` when it cannot be moved: it then stays claimed.
    """
    folder = claimed.parents[2]
    with _folder_of(claimed) as own, own_folder(folder, REFUSED, create=True) as refused:
        name = _free_name(refused, claimed.name)
        explained = error.replace(str(claimed), str(refused.path / name))
        refused.write_text(f"{name}.error.txt", f"{explained}\n")
        reached("refusal_explained")
        own.move(claimed.name, refused, name)
    with own_folder(folder, CLAIMED) as claims:
        _end(claims, claimed.parent.name)
    return explained


def delete_claimed(claimed: Path) -> None:
    """Delete a claimed file, and its claim with it. Raises `OSError` when that is not allowed: it then stays."""
    with _folder_of(claimed) as own:
        own.remove(claimed.name)
    with own_folder(claimed.parents[2], CLAIMED) as claims:
        _end(claims, claimed.parent.name)


def sweep_claims(folder: Path) -> None:
    """Remove what killed runs left: claims without a file, partial copies, and the .done of a file that is claimed.

    Whoever calls this holds the intake's lock. What may not be removed is left.
    """
    with suppress(FileNotFoundError), own_folder(folder, CLAIMED) as claims:
        names = claims.names()
        for name in names:
            if name.startswith(".") or (name.endswith(TAKEN) and name.removesuffix(TAKEN) not in names):
                with suppress(OSError):
                    claims.remove(name)
                continue
            with suppress(OSError, StrangeFolderError), _claim_folder(claims, name) as own:
                for file in own.names():
                    if not os.path.lexists(folder / file):
                        _remove_done(folder, file)
            _end(claims, name)


def read_taken(claimed: Path) -> str | None:
    """What `write_taken` wrote beside the claim; None where it wrote nothing."""
    with suppress(OSError), own_folder(claimed.parents[2], CLAIMED) as claims:
        handle = claims.open(f"{claimed.parent.name}{TAKEN}", os.O_RDONLY)
        with os.fdopen(handle, encoding="utf-8") as file:
            return file.read()
    return None


def write_taken(claimed: Path, text: str, *, flush: bool) -> None:
    """Write which parts of a claimed file are archived, beside its claim. Raises `OSError`."""
    with own_folder(claimed.parents[2], CLAIMED) as claims:
        claims.write_text(f"{claimed.parent.name}{TAKEN}", text, flush=flush)


def _claim(folder: Path, name: str) -> Path:
    with own_folder(folder) as landing:
        found = landing.facts(name)
        with _new_claim(folder, found.st_ctime_ns) as (_, own):
            landing.move(name, own, name)
            reached("claimed")
            _remove_done(folder, name)
            return own.path / name


@contextmanager
def _new_claim(folder: Path, came_ns: int) -> Iterator[tuple[OwnFolder, OwnFolder]]:
    """The folder of all claims, and a new one in it, which goes again if no file comes into it."""
    name = f"{came_ns:020d}-{uuid.uuid4().hex[:8]}"
    with own_folder(folder, CLAIMED, create=True) as claims, claims.below(name, create=True) as own:
        try:
            yield claims, own
        except BaseException:
            claims.remove_empty(name)
            raise


@contextmanager
def _claim_folder(claims: OwnFolder, name: str) -> Iterator[OwnFolder]:
    if name.endswith(TAKEN) or name.startswith("."):
        raise NotADirectoryError(name)
    with claims.below(name) as own:
        yield own


@contextmanager
def _folder_of(claimed: Path) -> Iterator[OwnFolder]:
    with own_folder(claimed.parents[2], CLAIMED, claimed.parent.name) as own:
        yield own


def _end(claims: OwnFolder, name: str) -> None:
    """Remove a claim that holds no file, and what was noted of it."""
    claims.remove_empty(name)
    if not claims.holds(name):
        claims.remove(f"{name}{TAKEN}")


def _remove_done(folder: Path, name: str) -> None:
    with suppress(OSError):  # none there, a name so long that there can be none, or it may not be removed
        (folder / f"{name}{DONE}").unlink()


def _free_name(folder: OwnFolder, name: str) -> str:
    stem, suffix = os.path.splitext(name)
    stem, suffix = _cut(stem, STEM_BYTES), _cut(suffix, SUFFIX_BYTES)
    candidate, number = f"{stem}{suffix}", 2
    while folder.holds(candidate):
        candidate, number = f"{stem}-{number}{suffix}", number + 1
    return candidate


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")

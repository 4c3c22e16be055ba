"""Folders of the platform's own that lie where others may write: reached without following links, by descriptors.

A path is looked up anew each time it is used, so whoever may write to a folder above can turn any part of it into a
link between two uses. A descriptor stays at the folder that was opened, and names below it are looked up from there.
"""

import os
import stat
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from resources.errors import RecoError

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_MAKE_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class StrangeFolderError(RecoError):
    """Something lies where the platform keeps a folder of its own; the message names it and says what to do."""


@dataclass(frozen=True)
class OwnFolder:
    """An open folder; `path` is for messages alone, all its names are reached through the descriptor `handle`."""

    path: Path
    handle: int

    def names(self) -> list[str]:
        """What lies in the folder, sorted."""
        return sorted(os.listdir(self.handle))

    def facts(self, name: str) -> os.stat_result:
        """What `lstat` says of a name. Raises `OSError`."""
        return os.stat(name, dir_fd=self.handle, follow_symlinks=False)

    def holds(self, name: str) -> bool:
        """Whether something of this name lies there, a link included."""
        try:
            self.facts(name)
        except OSError:
            return False
        return True

    def open(self, name: str, flags: int) -> int:
        """A descriptor of a file in the folder; a link is never followed. Raises `OSError`."""
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.handle)

    def create(self, name: str) -> int:
        """A descriptor of a new file to write to, in the place of what lay there. Raises `OSError`."""
        self.remove(name)
        return os.open(name, _MAKE_FILE, 0o666, dir_fd=self.handle)

    def write_text(self, name: str, text: str, *, flush: bool = True) -> None:
        """Replace a small file, so that a reader sees the old text or the new. Raises `OSError`."""
        temporary = f".{uuid.uuid4().hex}"
        with os.fdopen(self.create(temporary), "w", encoding="utf-8") as handle:
            handle.write(text)
            if flush:
                handle.flush()
                os.fsync(handle.fileno())
        self.move(temporary, self, name)

    def move(self, name: str, to: "OwnFolder", new_name: str) -> None:
        """Rename a file into this or another folder; a link is moved as a link. Raises `OSError`."""
        os.rename(name, new_name, src_dir_fd=self.handle, dst_dir_fd=to.handle)

    def remove(self, name: str) -> None:
        """Remove a file or a link, if it is there; never what a link points to. Raises `OSError`."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.handle)

    def remove_empty(self, name: str) -> None:
        """Remove a folder in this one, unless it holds something or is no folder."""
        with suppress(OSError):
            os.rmdir(name, dir_fd=self.handle)

    @contextmanager
    def below(self, *parts: str, create: bool = False) -> Iterator["OwnFolder"]:
        """A folder below this one, as `own_folder`."""
        opened: list[int] = []
        path, handle = self.path, self.handle
        try:
            for part in parts:
                path /= part
                if create:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=handle)
                handle = _open_own(path, handle)
                opened.append(handle)
            yield OwnFolder(path, handle)
        finally:
            for each in opened:
                os.close(each)


@contextmanager
def own_folder(base: Path, *parts: str, create: bool = False) -> Iterator[OwnFolder]:
    """A folder of the platform's own below `base`, itself a folder that someone chose and that may be a link.

    Raises `StrangeFolderError` where a part is a link, no folder, or neither ours nor its parent's owner's, and
    `FileNotFoundError` where one is missing; with `create` it is made.
    """
    handle = os.open(base, _OPEN_FOLDER)
    try:
        with OwnFolder(base, handle).below(*parts, create=create) as folder:
            yield folder
    finally:
        os.close(handle)


def require_own_folders(base: Path, folders: Sequence[Sequence[str]]) -> None:
    """Raise `StrangeFolderError` if one of the folders below `base` is not the platform's own; none need be there."""
    for parts in folders:
        with suppress(FileNotFoundError), own_folder(base, *parts):
            pass


def _open_own(path: Path, parent: int) -> int:
    try:
        handle = os.open(path.name, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    except FileNotFoundError:
        raise
    except OSError as error:
        found = os.stat(path.name, dir_fd=parent, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            raise _strange(path, "is a symbolic link") from None
        if not stat.S_ISDIR(found.st_mode):
            raise _strange(path, "is no folder") from None
        raise StrangeFolderError(
            f"{path} cannot be opened: {error.strerror}. Give the platform the right to."
        ) from None
    owner = os.fstat(handle).st_uid
    # Who owns the folder above may do there what he likes, and shares it with the platform on purpose.
    if owner not in (os.geteuid(), os.fstat(parent).st_uid):
        os.close(handle)
        raise _strange(path, f"belongs to user {owner}, while the platform runs as user {os.geteuid()}")
    return handle


def _strange(path: Path, what: str) -> StrangeFolderError:
    fix = "Nothing was touched; move it away, and the platform makes a folder of its own there."
    return StrangeFolderError(f"{path} {what}, where the platform keeps a folder of its own. {fix}")

"""Files as they were delivered: plain, packed by gzip, or members of a zip, which nobody needs to unpack.

A member has a path below its zip: `/data/ml-1m.zip/ml-1m/ratings.dat`.
"""

import gzip
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, cast

from reco_assets.sources.source import SourceError
from reco_assets.sources.unpacking import Bounds, UnpackError, require_bounded

_ENCRYPTED = 0x1
# What reading a packed file raises where it is damaged, cut off or packed in a way of its own.
DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, UnpackError, NotImplementedError)


def container(path: Path) -> Path:
    """The file that holds a path's bytes: the zip of a member, else the path."""
    return next((above for above in path.parents if above.suffix == ".zip" and above.is_file()), path)


def containers(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The files that hold the bytes of some paths, each once."""
    return tuple(dict.fromkeys(map(container, paths)))


def found(folder: Path, name: str) -> Path | None:
    """A file in a folder by its name: as it is, as name.gz or name.zip, or in a zip there; the folder may be a zip.

    Raises `SourceError` for a zip that can't be read.
    """
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    packed = folder / f"{name}.zip"
    if packed.is_file():
        return packed / _only_member(packed)
    inside = (path / member for path in _archives(folder) for member in _members(path))
    return next((path for path in inside if path.name == name), None)


def found_all(folder: Path, pattern: str) -> dict[str, Path]:
    """What `found` gives for every name of a pattern such as `combined_data_*.txt`: {name: path}, in order of names.

    It looks into archives only where no file beside them has such a name. Raises `SourceError` for a zip that can't
    be read.
    """
    beside = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    names = _of_pattern((name.removesuffix(".gz").removesuffix(".zip") for name in beside), pattern)
    if not names:
        members = (member for path in _archives(folder) for member in _members(path))
        names = _of_pattern((PurePosixPath(member).name for member in members), pattern)
    return {name: path for name in names if (path := found(folder, name))}


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a path, unpacked. Raises `SourceError` where they are packed and damaged."""
    archive = container(path)
    try:
        if archive != path:
            with zipfile.ZipFile(archive) as members, members.open(path.relative_to(archive).as_posix()) as handle:
                yield handle
        else:
            with path.open("rb") as handle:
                yield cast(IO[bytes], gzip.GzipFile(fileobj=handle)) if path.suffix == ".gz" else handle
    except DAMAGE as error:
        raise _damaged(archive, error) from None


def _archives(folder: Path) -> list[Path]:
    return [folder] if folder.is_file() else sorted(folder.glob("*.zip"))


def _of_pattern(names: Iterable[str], pattern: str) -> list[str]:
    return sorted({name for name in names if fnmatchcase(name, pattern)})


def _members(archive: Path) -> list[str]:
    """The files of a zip, those in the fewest folders first. Raises `SourceError`."""
    try:
        with zipfile.ZipFile(archive) as packed:
            members = [member for member in packed.infolist() if not member.is_dir()]
            require_bounded(members, Bounds())
    except DAMAGE as error:
        raise _damaged(archive, error) from None
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise SourceError(archive, None, "the zip asks for a password", "Unpack it, and give the files.")
    # What macOS adds beside each file has its name behind "._", in a folder of its own.
    return sorted((member.filename for member in members), key=lambda name: (name.count("/"), name))


def _only_member(archive: Path) -> str:
    members = [name for name in _members(archive) if not name.startswith("__MACOSX/")]
    if len(members) != 1:
        rule = f"a zip named after one file, with {len(members)} in it"
        raise SourceError(archive, None, rule, "Pack that file alone, or unpack it.")
    return members[0]


def _damaged(archive: Path, error: Exception) -> SourceError:
    return SourceError(archive, None, f"what is packed there can't be read: {error}", "Fetch a complete copy.")

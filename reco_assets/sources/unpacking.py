"""Unpacking a zip of a stranger's: bounded in members, bytes and compression, and into its folder alone.

A zip says the size of its members beforehand, and `zipfile` reads no more than that of each; so what a zip would come
to is known, and refused, before a byte is written.
"""

import shutil
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_COPIED_BYTES = 1 << 20


class UnpackError(ValueError):
    """A zip is not unpacked; the message says why, without the zip's name."""


@dataclass(frozen=True)
class Bounds:
    """What a zip may come to. Of MovieLens's, ml-25m has 8 members, 1.1 GB in all, and compresses 4.6 to 1.

    Only of a member larger than `small_bytes` the compression tells something: a short header repeats itself.
    """

    members: int = 100
    total_bytes: int = 8 << 30
    ratio: int = 100
    small_bytes: int = 1 << 20


def unpack(archive: Path, target: Path, bounds: Bounds | None = None) -> None:
    """Unpack into a folder that is not there yet.

    Raises `UnpackError`, and what `zipfile` raises of a damaged zip; files that were written before stay in `target`.
    """
    with zipfile.ZipFile(archive) as files:
        members = files.infolist()
        require_bounded(members, bounds or Bounds())
        total = sum(member.file_size for member in members)
        target.mkdir(parents=True)
        if (free := shutil.disk_usage(target).free) < total:
            raise UnpackError(f"it comes to {total:,} bytes, and {free:,} are free in {target.parent}")
        for member in members:
            path = target / member.filename
            if member.is_dir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with files.open(member) as packed, path.open("xb") as unpacked:  # no member replaces another one
                shutil.copyfileobj(packed, unpacked, _COPIED_BYTES)


def require_bounded(members: list[zipfile.ZipInfo], bounds: Bounds) -> None:
    """Raise `UnpackError` for a zip that is too large, or whose members are not plain files inside of its folder."""
    if len(members) > bounds.members:
        raise UnpackError(f"it has {len(members):,} members, and {bounds.members:,} are allowed")
    if (total := sum(member.file_size for member in members)) > bounds.total_bytes:
        raise UnpackError(f"it comes to {total:,} bytes, and {bounds.total_bytes:,} are allowed")
    names = [PurePosixPath(member.filename) for member in members]
    if len(set(names)) < len(names):
        raise UnpackError("two of its members have one name")
    for member in members:
        name, shown = member.filename, repr(member.filename[:80])
        if name.startswith("/") or "\\" in name or ".." in PurePosixPath(name).parts:
            raise UnpackError(f"its member {shown} leads outside")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise UnpackError(f"its member {shown} is a link or a special file")
        if member.file_size > max(bounds.small_bytes, bounds.ratio * member.compress_size):
            ratio = member.file_size / max(member.compress_size, 1)
            raise UnpackError(f"its member {shown} is compressed {ratio:,.0f} to 1, and {bounds.ratio} to 1 is allowed")

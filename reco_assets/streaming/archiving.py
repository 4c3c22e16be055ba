"""The archive: what was taken in, byte for byte, each part of it under the sha256 of its content as it came.

The lines of users who were forgotten are not kept: a mark stands in place of each, so the rest keep their numbers.

Nearly every file is one part. One that grew after it was archived, because its writer could not be seen, has more: what
was added, under the file's header, is a part of its own. Which parts of a claimed file are archived is noted beside the
claim before any of their rows are staged, so that a run that is killed and a file that grows meanwhile double nothing.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from reco_assets.streaming.claims import opened, read_taken, write_taken
from reco_assets.streaming.landing import HAS_A_WRITER
from reco_assets.streaming.writers import Look, Writers
from reco_assets.tombstones import FORGOTTEN_LINE, Tombstones
from resources.errors import RecoError
from resources.paths.own_folders import OwnFolder

PARTIAL = "_partial"  # one name will do: the intake's lock lets one run at a time write it
CHUNK_BYTES = 1 << 20
MAX_HEADER_BYTES = 1 << 20
MAX_FIELDS_BYTES = 200  # of a line: the date and the user stand first
NOBODY = Tombstones()


class KeptError(RecoError):
    """A claimed file cannot be read to its end now; it stays claimed, and the message says why."""


@dataclass(frozen=True)
class Part:
    """What was archived of a claimed file at once.

    batch: sha256 of what was archived, `size` bytes. end: where in the file it ends; resume: where what is added later
    begins, which is before the end where the last line was cut. digest: sha256 of the file up to the end. mtime_ns: of
    the file, and archived_ns: of the clock, both then, in Unix nanoseconds.
    """

    batch: str
    size: int
    end: int
    resume: int
    digest: str
    mtime_ns: int
    archived_ns: int


def archived_parts(claimed: Path, archive: OwnFolder) -> list[Part]:
    """The parts of a claimed file that are archived, as noted beside its claim; without those after a lost copy."""
    try:
        noted = [Part(**each) for each in json.loads(read_taken(claimed) or "[]")]
    except (ValueError, TypeError):
        return []  # a note that was cut by a power failure; the file itself is there
    lost = next((at for at, part in enumerate(noted) if not archive.holds(f"{part.batch}.csv")), len(noted))
    return noted[:lost]


def copy_rest(
    claimed: Path, parts: Sequence[Part], archive: OwnFolder, now_ns: int, gone: Tombstones = NOBODY
) -> Part | None:
    """Copy what no part holds yet to `PARTIAL`, under the file's header; None where there is no more.

    A file whose archived beginning is no longer what it was, was written anew, and is copied whole. Raises
    `LandingError` for what is no regular file, `KeptError` for a file that someone writes to, or that cannot be read.
    """
    with opened(claimed) as source:
        look, handle = Look(), source.fileno()
        before = os.fstat(handle)
        if look.writers(handle) is Writers.SOME:
            raise KeptError(HAS_A_WRITER)
        last = parts[-1] if parts else None
        if last and last.end <= before.st_size and _digest_to(source, last.end) == last.digest:
            if last.end == before.st_size:
                return None
            header, start = _first_line(source), last.resume
        else:
            header, start = b"", 0
        copied = _copy(source, start, header, archive, gone)
        digest = _digest_to(source, copied.end) if start else copied.batch
        after = os.fstat(handle)
        if (copied.end, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise KeptError("it was written to while it was read")
    return Part(copied.batch, copied.size, copied.end, copied.resume, digest, before.st_mtime_ns, now_ns)


def keep(claimed: Path, parts: Sequence[Part], archive: OwnFolder) -> None:
    """Give `PARTIAL` its name, that of the last part, and note all parts beside the claim."""
    archive.move(PARTIAL, archive, f"{parts[-1].batch}.csv")
    # Not flushed: what a power cut could take is needed only if the file was written to as well.
    write_taken(claimed, json.dumps([asdict(part) for part in parts]), flush=False)


def is_settled(claimed: Path, part: Part, now_ns: int, quiet_seconds: float) -> bool:
    """Whether the file is still what was archived up to this part, and nobody can write to it any more.

    Where no writer can be seen for certain, that is believed after the quiet period. Raises `KeptError` if a process
    has the file open.
    """
    with opened(claimed) as source:
        found, writers = os.fstat(source.fileno()), Look().writers(source.fileno())
    if writers is Writers.SOME:
        raise KeptError(f"it was taken in so far, and {HAS_A_WRITER}")
    if (found.st_size, found.st_mtime_ns) != (part.end, part.mtime_ns):
        return False
    return writers is Writers.NONE or abs(now_ns - part.archived_ns) >= quiet_seconds * 1e9


@dataclass(frozen=True)
class _Copied:
    batch: str
    size: int
    end: int
    resume: int


def _copy(source: BinaryIO, start: int, header: bytes, archive: OwnFolder, gone: Tombstones) -> _Copied:
    """Copy the header, and the file from `start` on, to `PARTIAL`, flushed to the disk.

    The name and the size are those of what came, also where lines of forgotten users are left out.
    """
    digest, end, resume = hashlib.sha256(header), start, start
    with os.fdopen(archive.create(PARTIAL), "wb") as copy:
        copy.write(header)
        kept = _Kept(copy, gone)
        source.seek(start)
        while chunk := _read(source):
            digest.update(chunk)
            kept.write(chunk)
            if (newline := chunk.rfind(b"\n")) >= 0:
                resume = end + newline + 1
            end += len(chunk)
        kept.end()
        copy.flush()
        os.fsync(copy.fileno())
    return _Copied(digest.hexdigest(), len(header) + end - start, end, resume)


class _Kept:
    """Writes chunks on, with a mark in place of each line of a forgotten user."""

    def __init__(self, copy: BinaryIO, gone: Tombstones) -> None:
        self._copy, self._gone, self._rest = copy, gone, b""

    def write(self, chunk: bytes) -> None:
        """Write a chunk, up to its last whole line where somebody was forgotten."""
        if not self._gone:
            self._copy.write(chunk)
            return
        whole, newline, self._rest = (self._rest + chunk).rpartition(b"\n")
        if newline:
            self._copy.write(b"\n".join(map(self._kept, whole.split(b"\n"))) + newline)

    def end(self) -> None:
        """Write the last line, where it has no end."""
        if self._rest:
            self._copy.write(self._kept(self._rest))

    def _kept(self, line: bytes) -> bytes:
        fields = line[:MAX_FIELDS_BYTES].split(b",", 2)
        is_gone = len(fields) > 1 and self._gone.has(fields[1].decode(errors="replace").strip(' "\r'))
        return FORGOTTEN_LINE if is_gone else line


def _read(source: BinaryIO) -> bytes:
    try:
        return source.read(CHUNK_BYTES)
    except OSError as error:  # of this file alone: what goes wrong with the archive stops the run
        raise KeptError(f"it cannot be read: {error.strerror}") from error


def _first_line(source: BinaryIO) -> bytes:
    source.seek(0)
    return source.readline(MAX_HEADER_BYTES)


def _digest_to(source: BinaryIO, end: int) -> str:
    digest, left = hashlib.sha256(), end
    source.seek(0)
    while left and (chunk := _read(source)):
        digest.update(chunk[:left])
        left -= min(left, len(chunk))
    return digest.hexdigest()

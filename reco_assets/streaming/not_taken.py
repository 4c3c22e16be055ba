"""Files of the streaming folder that are not taken: each with its reason, and since when it lies there so.

What a look at the folder cannot see, a file that may not be moved or deleted, a run found out and wrote down.
"""

import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reco_assets.streaming.claims import CLAIMED, REFUSED, claimed_files, opened
from reco_assets.streaming.landing import (
    DONE,
    HAS_A_WRITER,
    SUFFIX,
    LandingError,
    as_seen,
    encoding_defect,
    incompleteness,
    name_defect,
)
from reco_assets.streaming.writers import Look, Writers
from reco_assets.tables import NOT_TAKEN
from resources.files import write_json
from resources.paths.own_folders import StrangeFolderError, own_folder

COMPRESSED = (".gz", ".tgz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tar", ".lz4", ".z")
MAX_REASON_BYTES = 2_000


@dataclass(frozen=True)
class NotTaken:
    """A file, by its path in the streaming folder. `lasting`: waiting alone will not change it.

    `since_ns`: when it last changed, or came to lie there, in Unix nanoseconds; of what a run found out, when it did.
    """

    name: str
    reason: str
    since_ns: int
    inode: int
    lasting: bool

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since_ns / 1e9, UTC)
        return f"{self.name}: {self.reason.rstrip('.')} (since {since:%Y-%m-%d %H:%M:%S} UTC)"


def files_not_taken(root: Path, folder: Path) -> list[NotTaken]:
    """Every file that lies in the streaming folder, or claimed, and is not taken, those that lie longest first.

    Left out: what is complete and waits for its run, names that start with `_` or `.`, and folders without CSV files.
    """
    failures, look, found = _failures(root), Look(), list[NotTaken]()
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):  # gone meanwhile
                found += _landed(folder, entry.name, entry.stat(follow_symlinks=False), look, failures)
    for path in claimed_files(folder):
        with suppress(OSError):
            found += _claimed(folder, path, look, failures)
    found += _loose(folder)
    return sorted(found, key=lambda file: (file.since_ns, file.name))


def refused_files(folder: Path, after_ns: int = 0) -> list[NotTaken]:
    """The refused files that came after a time (Unix nanoseconds), each with the reason beside it, oldest first."""
    found = []
    with suppress(FileNotFoundError, StrangeFolderError), own_folder(folder, REFUSED) as refused:
        names = refused.names()
        for name in sorted(set(names) & {each.removesuffix(".error.txt") for each in names if each.endswith(".txt")}):
            with suppress(OSError):
                facts = refused.facts(name)
                if facts.st_ctime_ns > after_ns:
                    with os.fdopen(refused.open(f"{name}.error.txt", os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
                        reason = file.read(MAX_REASON_BYTES).decode(errors="replace").strip()
                    found.append(NotTaken(f"{REFUSED}/{name}", reason, facts.st_ctime_ns, facts.st_ino, lasting=True))
    return sorted(found, key=lambda file: (file.since_ns, file.name))


def count_refused(folder: Path) -> int:
    """How many refused files lie there; reads nothing."""
    with suppress(FileNotFoundError, StrangeFolderError), own_folder(folder, REFUSED) as refused:
        return sum(not name.endswith(".error.txt") for name in refused.names())
    return 0


def write_failures(root: Path, folder: Path, failed: Mapping[str, str], now_ns: int) -> None:
    """Write down what a run could not take, {path in the streaming folder: why}, over what earlier runs could not.

    Whoever calls this holds the intake's lock. A file that is gone, or was tried again and taken, is forgotten.
    """
    before, after = _failures(root), dict[str, dict[str, Any]]()
    for name in {**before, **failed}:
        with suppress(OSError):
            inode = (folder / name).lstat().st_ino
            known = before.get(name)
            if known is not None and known["inode"] != inode:
                known = None
            if name in failed:
                since_ns = now_ns if known is None else known["since_ns"]
                after[name] = {"inode": inode, "reason": failed[name], "since_ns": since_ns}
            elif known is not None:
                after[name] = known
    if after != before:
        write_json(root / NOT_TAKEN, after)


def _landed(
    folder: Path, name: str, found: os.stat_result, look: Look, failures: Mapping[str, dict[str, Any]]
) -> Iterator[NotTaken]:
    reason, lasting = _defect(name, found), True
    if reason is None and name_defect(name) is None and stat.S_ISREG(found.st_mode):
        reason, lasting = incompleteness(folder, as_seen(name, found), look), False
    elif reason is None and not name.startswith(("_", ".")):
        found_folder = stat.S_ISDIR(found.st_mode)
        reason, lasting = (_files_below(folder / name), True) if found_folder else (_strange_name(folder, name), False)
    if reason is not None:
        shown = os.fsencode(name).decode(errors="backslashreplace")
        yield NotTaken(shown, reason.removeprefix(f"{folder / name} "), found.st_ctime_ns, found.st_ino, lasting)
    elif name in failures:
        yield from _failed(name, found, failures)


def _defect(name: str, found: os.stat_result) -> str | None:
    """What a name or a kind of file is never taken for; None also for what is no concern of anyone."""
    reason = None
    if name.startswith(("_", ".")) or (stat.S_ISDIR(found.st_mode) and not name.lower().endswith(SUFFIX)):
        return None
    if defect := encoding_defect(name):
        reason = f"{defect}; rename it"
    elif stat.S_ISLNK(found.st_mode):
        reason = "it is a symbolic link; put the file itself there"
    elif not stat.S_ISREG(found.st_mode):
        reason = "it is a folder" if stat.S_ISDIR(found.st_mode) else "it is not a regular file"
    elif name.lower().endswith(COMPRESSED):
        reason = f"it is compressed; unpack it, one plain {SUFFIX} file each"
    return reason


def _files_below(path: Path) -> str | None:
    """What to say of a folder that holds files as they are taken; None where it holds none."""
    with suppress(OSError), os.scandir(path) as entries:
        named = next((entry.name for entry in entries if name_defect(entry.name) is None and entry.is_file()), None)
        if named is not None:
            return f"it is a folder, and files in it such as {named} are not looked at; put them into the folder above"
    return None


def _strange_name(folder: Path, name: str) -> str | None:
    if name.endswith(DONE):
        whose = name.removesuffix(DONE)
        return None if os.path.lexists(folder / whose) else f"it says that {whose} is complete, but there is no {whose}"
    return f"it does not end in {SUFFIX}; rename it if it is to be taken in"


def _loose(folder: Path) -> Iterator[NotTaken]:
    """Files that someone put beside the claims, of which nothing is said else."""
    with suppress(FileNotFoundError, StrangeFolderError), own_folder(folder, CLAIMED) as claims:
        for name in claims.names():
            if name_defect(name) is None:
                with suppress(OSError):
                    facts = claims.facts(name)
                    if stat.S_ISREG(facts.st_mode):
                        reason = f"{CLAIMED} is the platform's own; move it into the streaming folder"
                        yield NotTaken(f"{CLAIMED}/{name}", reason, facts.st_ctime_ns, facts.st_ino, lasting=True)


def _claimed(folder: Path, path: Path, look: Look, failures: Mapping[str, dict[str, Any]]) -> Iterator[NotTaken]:
    name, found = str(path.relative_to(folder)), path.lstat()
    with suppress(LandingError, StrangeFolderError), opened(path) as file:
        if look.writers(file.fileno()) is Writers.SOME:
            yield NotTaken(name, HAS_A_WRITER, found.st_ctime_ns, found.st_ino, lasting=False)
            return
    yield from _failed(name, found, failures)


def _failed(name: str, found: os.stat_result, failures: Mapping[str, dict[str, Any]]) -> Iterator[NotTaken]:
    known = failures.get(name)
    if known and known["inode"] == found.st_ino:
        yield NotTaken(name, known["reason"], known["since_ns"], found.st_ino, lasting=True)


def _failures(root: Path) -> dict[str, dict[str, Any]]:
    """{path in the streaming folder: {"inode", "reason", "since_ns"}}; empty where the file is damaged."""
    with suppress(OSError, ValueError):
        found = json.loads((root / NOT_TAKEN).read_text(encoding="utf-8"))
        if isinstance(found, dict) and all(
            isinstance(each, dict) and each.keys() >= {"inode", "reason", "since_ns"} for each in found.values()
        ):
            return found
    return {}

"""Keeping a Delta table small: few files in place of many, and no files, commits that nobody needs.

What belongs here: one table at a time, with the versions that must stay readable given. What doesn't: who needs them.
"""

import math
import os
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyarrow import fs

from resources.tables.files import LakehouseError, for_delta, is_delta
from resources.tables.lakehouse import EVENTS, Lakehouse
from resources.tables.places import LOG, files_of, log_files

_DAY = 86_400
_LOG_DAYS = 30  # Delta's own default, and the step in which ours grows: a commit a month, not one a day
_LOG_RETENTION, _FILE_RETENTION = "delta.logRetentionDuration", "delta.deletedFileRetentionDuration"


@dataclass(frozen=True)
class Size:
    """Data files of a table, and its bytes with the log's."""

    files: int
    bytes: int


@dataclass(frozen=True)
class Upkeep:
    """What was done to one table: files that compaction took together, files removed, versions that stay readable.

    `lost` are those asked for that could not be read before either.
    """

    before: Size
    after: Size
    compacted: int
    removed: int
    kept: tuple[int, ...]
    lost: tuple[int, ...]


def delta_tables(lakehouse: Lakehouse) -> Iterator[str]:
    """The names of all Delta tables of the lakehouse; parquet tables have no versions, so there is nothing to do."""
    yield from _below(lakehouse.root, besides=lakehouse.lake)
    yield from (f"{EVENTS}/{name}" for name in _below(lakehouse.lake))


def _below(top: Path, besides: Path | None = None) -> Iterator[str]:
    for folder, subfolders, _ in os.walk(top):
        if Path(folder) == besides:
            subfolders.clear()
        elif is_delta(Path(folder)):
            yield Path(folder).relative_to(top).as_posix()
            subfolders.clear()
        # Hidden folders are tables that are being written, or the rest of one whose writer was killed.
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))


def maintain_table(lakehouse: Lakehouse, name: str, pinned: Collection[int], retention_hours: int) -> Upkeep:
    """Compact a Delta table and remove what neither its newest version nor a pinned one needs.

    What the table dropped less than `retention_hours` ago stays, for those who still read it. The table's lock is held
    throughout. Raises `LakehouseError`; the table is then as readable as before.
    """
    path = lakehouse.path(name)
    with lakehouse.lock(name):
        before = size_of(path)
        try:
            kept, lost = _readable(path, pinned)
            compacted = int(DeltaTable(for_delta(path)).optimize.compact()["numFilesRemoved"])
            _retain_log(path, kept)
            removed = DeltaTable(for_delta(path)).vacuum(
                retention_hours,
                dry_run=False,
                enforce_retention_duration=False,  # Delta's knows hours only; the pinned versions are named
                full=True,  # also what killed writers left, and what checkpoints have forgotten
                keep_versions=kept,
            )
            _shorten_log(path)
        except DeltaError as error:
            raise LakehouseError(
                f"Maintenance of {name} stopped ({str(error).splitlines()[0]}). The table is as readable as before; "
                "if something beside the platform wrote to it, start it again: dg launch --job lakehouse_maintenance"
            ) from None
        return Upkeep(before, size_of(path), compacted, len(removed), tuple(kept), tuple(lost))


def size_of(path: Path) -> Size:
    """Data files of the Delta table at `path`, and its bytes."""
    found = [each for each in files_of(path).get_file_info(fs.FileSelector("", recursive=True)) if each.is_file]
    data = [each for each in found if each.extension == "parquet" and not each.path.startswith(f"{LOG}/")]
    return Size(len(data), sum(each.size for each in found))


def _readable(path: Path, versions: Collection[int]) -> tuple[list[int], list[int]]:
    """The versions whose commits are there, and the others: delta-rs refuses to keep what it cannot read."""
    kept: list[int] = []
    lost: list[int] = []
    for version in sorted(set(versions)):
        try:
            DeltaTable(for_delta(path), version=version)
            kept.append(version)
        except DeltaError:
            lost.append(version)
    return kept, lost


def _retain_log(path: Path, pinned: list[int]) -> None:
    """Let the table say how long its commits and files stay, so that no other tool's cleaning takes a pinned version.

    Commits expire by the age of their file; a version needs those back to the checkpoint before it, which stay too.
    """
    table = DeltaTable(for_delta(path))
    configured = table.metadata().configuration
    if not pinned and _LOG_RETENTION not in configured:
        return
    retention = f"interval {_log_days(path, pinned)} days"
    wanted = {
        "delta.enableExpiredLogCleanup": "false",
        _LOG_RETENTION: retention,
        _FILE_RETENTION: retention,
    }
    changed = {key: value for key, value in wanted.items() if configured.get(key) != value}
    if changed:
        table.alter.set_table_properties(changed)


def _log_days(path: Path, pinned: list[int]) -> int:
    """Whole months of 30 days: past the oldest pinned commit's age by one at least."""
    commits = {f"{version:020}.json" for version in pinned}
    ages = [(time.time() - each.mtime_ns / 1e9) / _DAY for each in log_files(path) if each.base_name in commits]
    return _LOG_DAYS * (1 + math.ceil(max(ages, default=0.0) / _LOG_DAYS))


def _shorten_log(path: Path) -> None:
    """Remove expired commits: those before the last checkpoint that is older than the table's log retention."""
    table = DeltaTable(for_delta(path))
    checkpoint = f"{table.version():020}.checkpoint.parquet"
    if checkpoint not in {each.base_name for each in log_files(path)}:
        table.create_checkpoint()
    table.cleanup_metadata()

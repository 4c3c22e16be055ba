"""What a table that grows by a small commit a minute needs so that the next commit costs what the first one cost.

What belongs here: work that is due after a commit, and bounded. What doesn't: the whole of a table, which
`resources.tables.upkeep` sees to when someone asks for it.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable

from resources.tables.files import for_delta, own_errors
from resources.tables.lakehouse import Lakehouse
from resources.tables.places import log_files

# Files below a size are taken together when there are so many of them, so a table has at most three times as many, and
# one more per 256 MB. Small ones first: 32 of 3 kB take 0.05 s, and each byte is written three times in all.
MANY_FILES = 32
SIZES = (1 << 20, 16 << 20, 256 << 20)
# Of commits that intake leaves: listing 4,000 takes 4 ms. They stay for a day, as no version is read again.
MANY_COMMITS = 4_000
_RETENTION = {"delta.logRetentionDuration": "interval 1 days"}


@dataclass(frozen=True)
class Tended:
    """What was due: files that were taken together, and whether old commits and files were removed."""

    compacted: int
    swept: bool


@own_errors()
def tend_table(lakehouse: Lakehouse, name: str, pinned: Callable[[], Collection[int]], retention_hours: int) -> Tended:
    """Do what is due on a Delta table: take small files together; remove commits and files that nobody needs.

    `pinned` gives the versions that must stay readable, asked only when something is removed: where there are any,
    removal is left to maintenance. Files that left the table less than `retention_hours` ago stay. Raises
    `BrokenTableError`; the table is then as readable as before.
    """
    path = lakehouse.path(name)
    with lakehouse.lock(name):
        compacted = take_together(lakehouse, name)
        swept = _has_many_commits(path) and not pinned()
        if swept:
            _sweep(path, retention_hours)
    return Tended(compacted, swept)


@own_errors()
def take_together(lakehouse: Lakehouse, name: str) -> int:
    """Take a Delta table's small files together where there are many; returns how many. Every version stays readable.

    Raises `BrokenTableError`; the table is then as it was.
    """
    with lakehouse.lock(name):
        table = DeltaTable(for_delta(lakehouse.path(name)))
        return sum(_compact(table, size) for size in SIZES)


def _compact(table: DeltaTable, size: int) -> int:
    sizes = pa.table(table.get_add_actions())["size_bytes"].to_pylist()
    if sum(found < size for found in sizes) <= MANY_FILES:
        return 0
    return int(table.optimize.compact(target_size=size)["numFilesRemoved"])


def _has_many_commits(path: Path) -> bool:
    return len([found for found in log_files(path) if found.extension == "json"]) > MANY_COMMITS


def _sweep(path: Path, retention_hours: int) -> None:
    table = DeltaTable(for_delta(path))
    configured = table.metadata().configuration
    if any(configured.get(key) != value for key, value in _RETENTION.items()):
        table.alter.set_table_properties(_RETENTION)
    table.vacuum(retention_hours, dry_run=False, enforce_retention_duration=False, full=True)
    table = DeltaTable(for_delta(path))
    table.create_checkpoint()
    table.cleanup_metadata()

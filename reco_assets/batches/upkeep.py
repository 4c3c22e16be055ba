"""What is due after an intake so that the next one costs the same: small files together, old copies gone.

Age is counted in batches, never in days: a clock that is wrong once would have everything removed.
"""

import sqlite3
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

from reco_assets.batches.archive import archived_copy
from reco_assets.batches.ledger import change, query
from reco_assets.batches.receipt_files import copy_path
from reco_assets.batches.receipts import newest_number
from reco_assets.tables import ARCHIVE, MODELS, RECEIPTS, STREAM
from resources.errors import RecoError
from resources.paths.own_folders import require_own_folders
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse
from resources.tables.pins import pinned_versions
from resources.tables.tending import take_together, tend_table

AT_ONCE = 1_000  # files that one intake removes at most: 20 ms
STEP = 100  # below so many it isn't worth a commit of the ledger


def after_intake(lakehouse: Lakehouse) -> None:
    """Do what is due. What can't be done now is named in a warning and is due again after the next intake."""
    settings = lakehouse.settings
    for spec in STREAM:
        if lakehouse.exists(spec.name):
            or_later(f"Upkeep of {spec.name}", partial(_tend, lakehouse, spec.name), "intake")
    or_later("Removing old files", lambda: _sweep(lakehouse.root, settings), "intake")


def after_merge(lakehouse: Lakehouse, name: str) -> None:
    """Take the small files of a table together that merges add to. Nothing is removed: models may be pinned to it.

    What can't be done now is named in a warning and is due again after the next merge.
    """
    or_later(f"Upkeep of {name}", lambda: take_together(lakehouse, name), "merge")


def _sweep(root: Path, settings: Settings) -> None:
    """Raises `StrangeFolderError` where a folder is none of the platform's own: nothing is removed then."""
    require_own_folders(root, [ARCHIVE.parts, RECEIPTS.parts])
    sweep_old(root, "archive", settings.maintenance.archived_files_kept, partial(archived_copy, root))
    sweep_old(root, "receipts", settings.maintenance.receipt_files_kept, partial(copy_path, root))


def sweep_old(root: Path, what: str, kept: int, path_of: Callable[[str], Path]) -> int:
    """Remove the files of batches before the newest `kept`, each looked at once; returns how many batches were passed.

    What the ledger knows of them stays, so their content stays known. Raises `LedgerError`.
    """
    found = query(root, "SELECT number FROM swept WHERE what = ?", (what,))
    last, until = (found[0][0] if found else -(2**62)), newest_number(root) - kept
    sql = "SELECT number, batch FROM batches WHERE number > ? AND number <= ? ORDER BY number LIMIT ?"
    old = query(root, sql, (last, until, AT_ONCE)) if until > last else []
    if len(old) < STEP:
        return 0
    for _, batch in old:
        remove(path_of(batch))
    passed = old[-1][0]

    def note(ledger: sqlite3.Connection) -> None:
        ledger.execute("INSERT OR REPLACE INTO swept (what, number) VALUES (?, ?)", (what, passed))

    change(root, note)
    return len(old)


def remove(path: Path) -> None:
    """Remove a file; one that can't be removed is named, and keeps none of the others."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        warnings.warn(f"{path} was not removed: {error.strerror}", stacklevel=2)


def _tend(lakehouse: Lakehouse, name: str) -> None:
    def pinned() -> set[int]:
        return pinned_versions(lakehouse.root / MODELS).get(name, set())

    tend_table(lakehouse, name, pinned, lakehouse.settings.maintenance.retention_hours)


def or_later(what: str, work: Callable[[], object], left_for: str) -> None:
    """Do some work; where that fails, say in a warning what was left for the next intake, merge or report."""
    try:
        work()
    except (OSError, RecoError) as error:
        warnings.warn(f"{what} was left for the next {left_for}: {error}", stacklevel=2)

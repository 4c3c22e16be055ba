"""What is due after an intake so that the next one costs the same: small files together, old copies and reports gone.

Age is counted in batches and reports, never in days: a clock that is wrong once would have everything removed.
"""

import sqlite3
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

from deltalake.exceptions import DeltaError

from reco_assets.batches.ledger import change, query
from reco_assets.batches.receipt_files import FOLDER as RECEIPTS
from reco_assets.batches.receipt_files import copy_path
from reco_assets.batches.receipts import newest_number
from reco_assets.batches.recovery import ARCHIVE
from reco_assets.drift.reports import reports_folder
from reco_assets.maintenance.pins import pinned_versions
from reco_assets.tables import STREAM
from resources.errors import RecoError
from resources.own_folders import require_own_folders
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse
from resources.tables.tending import take_together, tend_table

AT_ONCE = 1_000  # files that one intake removes at most: 20 ms
STEP = 100  # below so many it isn't worth a commit of the ledger


def after_intake(lakehouse: Lakehouse) -> None:
    """Do what is due. What can't be done now is named in a warning and is due again after the next intake."""
    settings = lakehouse.settings
    for spec in STREAM:
        if lakehouse.exists(spec.name):
            _named(f"Upkeep of {spec.name}", partial(_tend, lakehouse, spec.name), "intake")
    _named("Removing old files", lambda: _sweep(lakehouse.root, settings), "intake")


def after_merge(lakehouse: Lakehouse, name: str) -> None:
    """Take the small files of a table together that merges add to. Nothing is removed: models may be pinned to it.

    What can't be done now is named in a warning and is due again after the next merge.
    """
    _named(f"Upkeep of {name}", lambda: take_together(lakehouse, name), "merge")


def _sweep(root: Path, settings: Settings) -> None:
    """Raises `StrangeFolderError` where a folder is none of the platform's own: nothing is removed then."""
    reports = reports_folder(settings).relative_to(root)
    require_own_folders(root, [ARCHIVE.parts, RECEIPTS.parts, reports.parts])
    sweep_old(root, "archive", settings.maintenance.archived_files_kept, lambda batch: root / ARCHIVE / f"{batch}.csv")
    sweep_old(root, "receipts", settings.maintenance.receipt_files_kept, lambda batch: copy_path(root, batch))
    sweep_reports(settings)


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
        _remove(path_of(batch))
    passed = old[-1][0]

    def note(ledger: sqlite3.Connection) -> None:
        ledger.execute("INSERT OR REPLACE INTO swept (what, number) VALUES (?, ?)", (what, passed))

    change(root, note)
    return len(old)


def sweep_reports(settings: Settings) -> int:
    """Remove drift reports but for the newest ones, and those that batches were accepted on; returns how many."""
    folder = reports_folder(settings)
    reports = list(folder.glob("[!.]*.json")) if folder.is_dir() else []
    if len(reports) < settings.maintenance.drift_reports_kept + STEP:
        return 0
    accepted = {report for (report,) in query(settings.storage.root, "SELECT DISTINCT report FROM batches")}
    written = sorted((path.stat().st_mtime_ns, path.name, path) for path in reports)
    removed = 0
    for _, _, path in written[: -settings.maintenance.drift_reports_kept]:
        if path.stem not in accepted:
            _remove(path.with_suffix(".html"))
            _remove(path)
            removed += 1
    return removed


def _remove(path: Path) -> None:
    """Remove a file; one that can't be removed is named, and keeps none of the others."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        warnings.warn(f"{path} was not removed: {error.strerror}", stacklevel=2)


def _tend(lakehouse: Lakehouse, name: str) -> None:
    def pinned() -> set[int]:
        return pinned_versions(lakehouse.settings.storage.root / "gold" / "models").get(name, set())

    tend_table(lakehouse, name, pinned, lakehouse.settings.maintenance.retention_hours)


def _named(what: str, work: Callable[[], object], left_for: str) -> None:
    try:
        work()
    except (DeltaError, OSError, RecoError) as error:
        warnings.warn(f"{what} was left for the next {left_for}: {error}", stacklevel=2)

"""Old drift reports go, so that their folder stays small: their age is counted in reports, never in days.

A clock that is wrong once would have everything removed.
"""

from reco_assets.batches.accepted import accepted_reports
from reco_assets.batches.upkeep import or_later, remove
from reco_assets.tables import DRIFT_REPORTS
from resources.paths.own_folders import require_own_folders
from resources.settings import Settings

STEP = 100  # below so many it isn't worth reading the ledger


def after_report(settings: Settings) -> None:
    """Remove old reports where it is due. What can't be done is named in a warning and due again at the next report."""
    or_later("Removing old drift reports", lambda: sweep_reports(settings), "report")


def sweep_reports(settings: Settings) -> int:
    """Remove drift reports but for the newest ones, and those that batches were accepted on; returns how many.

    Raises `LedgerError`, `StrangeFolderError` where the folder is none of the platform's own.
    """
    folder = settings.storage.root / DRIFT_REPORTS
    reports = list(folder.glob("[!.]*.json")) if folder.is_dir() else []
    if len(reports) < settings.maintenance.drift_reports_kept + STEP:
        return 0
    require_own_folders(settings.storage.root, [DRIFT_REPORTS.parts])
    accepted = accepted_reports(settings.storage.root)
    written = sorted((path.stat().st_mtime_ns, path.name, path) for path in reports)
    removed = 0
    for _, _, path in written[: -settings.maintenance.drift_reports_kept]:
        if path.stem not in accepted:
            remove(path.with_suffix(".html"))
            remove(path)
            removed += 1
    return removed

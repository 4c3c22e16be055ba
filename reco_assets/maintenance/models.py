"""Which model versions are superseded, and their removal. No Dagster."""

from collections.abc import Collection, Sequence

from reco_assets.models.families import FAMILIES
from reco_assets.models.interface import Family
from reco_assets.models.versions.backup import read_backup
from reco_assets.models.versions.experiments import running_experiment
from reco_assets.models.versions.store import model_store, store_folder
from resources.files import remove_folder
from resources.paths.own_folders import require_own_folders
from resources.settings import Settings


def superseded(versions: Sequence[str], newest: int | None, needed: Collection[str | None]) -> list[str]:
    """The versions (oldest first) that are neither needed nor among the newest; none where `newest` is None."""
    old = [] if newest is None else versions[:-newest]
    return [version for version in old if version not in needed]


def remove_superseded(settings: Settings) -> list[str]:
    """Remove superseded versions of all families but for champions, predecessors, challengers and backups; name them.

    A version is renamed before it is removed, so that whoever lists the store sees all of it or none.
    Raises `ModelStoreError` when the champion's record or the backup's is damaged, `StrangeFolderError` where the
    store's folder is a link: nothing is removed then.
    """
    require_own_folders(settings.storage.root, [store_folder(family) for family in FAMILIES])
    return [version for family in FAMILIES for version in _remove_superseded(settings, family)]


def _remove_superseded(settings: Settings, family: Family) -> list[str]:
    store = model_store(settings, family)
    backup = read_backup(store)
    running = running_experiment(store)
    needed = {store.champion(), store.previous(), backup.version if backup else None}
    needed.add(running.challenger if running else None)
    removed = superseded(store.versions(), settings.maintenance.model_versions_kept, needed)
    for version in removed:
        remove_folder(store.path(version))
    return removed

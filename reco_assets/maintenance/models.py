"""Which model versions are superseded, and their removal. No Dagster."""

import shutil
from collections.abc import Collection, Sequence

from reco_assets.models.store import ModelStore


def superseded(versions: Sequence[str], newest: int | None, needed: Collection[str]) -> list[str]:
    """The versions (oldest first) that are neither needed nor among the newest; none where `newest` is None."""
    old = [] if newest is None else versions[:-newest]
    return [version for version in old if version not in needed]


def remove_superseded(store: ModelStore, newest: int | None) -> list[str]:
    """Remove superseded versions but for champion and predecessor, and name them.

    A version is renamed before it is removed, so that whoever lists the store sees all of it or none.
    Raises `ModelStoreError` when the champion's record is damaged: nothing is removed then.
    """
    needed = {version for version in (store.champion(), store.previous()) if version}
    removed = superseded(store.versions(), newest, needed)
    for version in removed:
        going = store.folder / f".{version}.removed"
        shutil.rmtree(going, ignore_errors=True)
        store.path(version).rename(going)
        shutil.rmtree(going)
    return removed

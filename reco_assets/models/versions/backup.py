"""What model_retraining_dag does around a training: back the champion up, compare, roll back.

The backup is one folder beside the versions: `_backup/<version>/` holds a copy of the champion's files, and
`_backup/backup.json`, written last, their checksums and the Delta versions that the champion was trained and judged on.
"""

import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reco_assets.models.interface import Family
from reco_assets.models.record import Backup
from reco_assets.models.versions.checksums import changed_files, checksums
from reco_assets.models.versions.files import ModelStoreError, read_record, require_no_links
from reco_assets.models.versions.folders import MODEL_FILE
from reco_assets.models.versions.store import ModelStore, model_store, promoting, store_folder
from resources.documents import DocumentError, read_document
from resources.files import staged, write_json
from resources.paths.own_folders import require_own_folders
from resources.settings import Settings

FOLDER, FILE = "_backup", "backup.json"


def read_backup(store: ModelStore) -> Backup | None:
    """The backup of the champion; None where none was ever made. Raises `ModelStoreError` on a damaged one."""
    try:
        return read_document(_folder(store) / FILE, Backup)
    except FileNotFoundError:
        return None
    except DocumentError as error:
        raise ModelStoreError(f"{error}. Make it anew: reco run --function backup_current_model.") from None


def back_up(settings: Settings, family: Family) -> dict[str, Any]:
    """Copy the champion's files and pin its Delta versions, in place of the backup before. Raises `ModelStoreError`.

    Returns {"version", "path", "inputs", "files", "reason"}; without a champion `version` is None.
    """
    with promoting(settings, family):
        return _back_up(settings, family)


def _back_up(settings: Settings, family: Family) -> dict[str, Any]:
    store = model_store(settings, family)
    champion = store.champion()
    if champion is None:
        return {"version": None, "reason": "there is no champion yet, so there is nothing to back up"}
    store.verify(champion)
    backup = Backup(
        version=champion,
        backed_up_ts=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        inputs=store.record(champion).judged_inputs,
        files=_checksums(store.path(champion)),
    )
    folder = _folder(store)
    require_own_folders(settings.storage.root, [store_folder(family)])
    if changed_files(folder / champion, backup.files) or not _readable(folder / champion, family):
        _copy(store.path(champion), folder / champion)
    write_json(folder / FILE, asdict(backup))
    for other in folder.iterdir():
        if other.is_dir() and not other.is_symlink() and other.name != champion:
            shutil.rmtree(other, ignore_errors=True)
    return {
        "version": champion,
        "path": str(folder / champion),
        "inputs": backup.inputs,
        "files": len(backup.files),
        "reason": f"{champion} is backed up with {len(backup.files)} files",
    }


def compare_newest(store: ModelStore) -> dict[str, Any]:
    """What the evaluation of the newest candidate came to: {"candidate", "promote", "reason", "next_task", …}.

    Raises `ModelStoreError` when there is no candidate, or it was not judged.
    """
    for version in reversed(store.versions()):
        if store.record(version).dagster_run_id:  # others were trained on files of their own, and are not judged
            return {"candidate": version, **store.comparison(version).document()}
    raise ModelStoreError(f"{store.folder} holds no candidate to compare. Train one: reco train.")


def roll_back_to_backup(settings: Settings, family: Family) -> dict[str, Any]:
    """Let the champion of the backup serve, with its files as they were. Raises `ModelStoreError`.

    Returns {"champion", "changed", "restored", "reason"}: whether another version served before, and which files had
    to be brought back. Where `changed`, gold does not follow by itself: `reco model rollback` sees to both.
    """
    with promoting(settings, family):
        return _roll_back_to_backup(model_store(settings, family))


def _roll_back_to_backup(store: ModelStore) -> dict[str, Any]:
    backup = read_backup(store)
    if backup is None:
        if store.champion() is None:
            return {"champion": None, "changed": False, "restored": [], "reason": "nothing served, and nothing does"}
        raise ModelStoreError("There is no backup to roll back to. Make one: reco run --function backup_current_model.")
    served, restored = store.served()[0], restore(store, backup.version)
    store.promote(backup.version, f"rolled back to the backup, from {served or 'a record that was lost'}")
    found = f"{len(restored)} of its files brought back" if restored else "its files are as they were"
    became = "serves again" if served != backup.version else "serves on"
    return {
        "champion": backup.version,
        "changed": served != backup.version,
        "restored": restored,
        "reason": f"{backup.version} {became}, {found}",
    }


def roll_back(settings: Settings, family: Family) -> str:
    """Let the champion's predecessor serve, or the backup's where the record is lost; returns it.

    Files that are missing or damaged are brought back where the backup has them. Raises `ModelStoreError`.
    """
    store = model_store(settings, family)
    with promoting(settings, family):
        target = target_of_rollback(store)
        if store.served()[0] is None:
            return str(_roll_back_to_backup(store)["champion"])
        restore(store, target)
        return store.rollback()


def target_of_rollback(store: ModelStore) -> str:
    """The version that `roll_back` lets serve. Raises `ModelStoreError` where there is none."""
    try:
        return store.predecessor()
    except ModelStoreError:
        backup = read_backup(store)
        if store.served()[0] is not None or backup is None:
            raise
        return backup.version


def promote(settings: Settings, family: Family, version: str) -> None:
    """Let a version serve, with its files brought back where the backup has them. Raises `ModelStoreError`."""
    store = model_store(settings, family)
    with promoting(settings, family):
        restore(store, version)
        store.promote(version, "promoted by hand")


def restore(store: ModelStore, version: str) -> list[str]:
    """Bring a version's missing and damaged files back from the backup; returns their names, sorted.

    Raises `ModelStoreError` when some are missing and the backup does not have them, or not as they were.
    """
    backup = read_backup(store)
    if backup is None or backup.version != version:
        store.verify(version)
        return []
    saved, path = _folder(store) / version, store.path(version)
    require_no_links(path)
    require_no_links(saved)
    broken = changed_files(path, backup.files) + ([] if _readable(path, store.family) else [MODEL_FILE])
    if not broken:
        return []
    if lost := changed_files(saved, {name: backup.files[name] for name in broken if name != MODEL_FILE}):
        raise ModelStoreError(
            f"{version} lacks {', '.join(broken)}, and the backup in {saved} is damaged too ({', '.join(lost)}). "
            "Choose another version: reco model list, then reco model promote VERSION."
        )
    for name in broken:  # model.json comes last: it is what makes a version exist
        target = path / name
        with staged(target) as copied:
            shutil.copy2(saved / name, copied)
    store.verify(version)
    return sorted(broken)


def _folder(store: ModelStore) -> Path:
    """Where the backup is. Raises `ModelStoreError` where that is a link: what it leads to would be cleared."""
    folder = store.folder / FOLDER
    if folder.is_symlink():
        raise ModelStoreError(f"{folder} is a link, and the backup is a folder. Remove the link.")
    return folder


def _checksums(folder: Path) -> dict[str, str]:
    """Of all but model.json, which is added to when a version is judged and promoted."""
    return {name: digest for name, digest in checksums(folder).items() if name != MODEL_FILE}


def _readable(path: Path, family: Family) -> bool:
    try:
        read_record(path, family)
    except ModelStoreError:
        return False
    return True


def _copy(source: Path, target: Path) -> None:
    with staged(target) as staging:
        shutil.copytree(source, staging)
        if target.exists():
            shutil.rmtree(target)

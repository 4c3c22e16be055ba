"""Copies of the model versions under the documents' path (PUBLISH_PATHS=on), for other programs."""

import shutil
from pathlib import Path
from typing import Any

from reco_assets.models.interface import Family
from reco_assets.models.versions.files import required_files
from reco_assets.models.versions.folders import MODEL_FILE, missing_files
from reco_assets.models.versions.store import model_store, store_folder
from reco_assets.publishing import left_out
from reco_assets.workspace import MODELS, NamesakeError, documented_paths
from resources.files import remove_folder, staged, write_text_atomically
from resources.settings import Settings

_ORIGIN = ".published"  # in a published model's folder: what it is a copy of


def publish_models(settings: Settings, family: Family) -> dict[str, Any]:
    """Publish every complete version as `version_<version>`, and remove the published ones that are no more.

    The documents have a path for one family; the others' versions are not published.
    """
    if settings.storage.publish_paths == "off" or "/".join(store_folder(family)) != MODELS:
        return {}
    store, folder = model_store(settings, family), documented_paths(settings, MODELS)[0]
    versions = {f"version_{version.removeprefix('version_')}": store.path(version) for version in store.versions()}
    try:
        for name, source in versions.items():
            _publish_model(source, folder / name, family)
        for gone in _published_models(folder) - versions.keys():
            remove_folder(folder / gone)
    except (OSError, NamesakeError) as error:
        return left_out(folder, error)
    return {"published": str(folder)}


def _publish_model(source: Path, target: Path, family: Family) -> None:
    """A copy of a version, seen whole or not at all; afterwards only what is said of it changes, in model.json."""
    if not target.exists():
        with staged(target) as staging:
            shutil.copytree(source, staging)
            (staging / _ORIGIN).write_text(f"{source.name}\n", encoding="utf-8")
        return
    if not (target / _ORIGIN).is_file():
        if missing_files(target, required_files(family)):
            raise NamesakeError(f"{target} is no model version; move it away")
        return  # trained into this folder by hand: it is what it should be
    facts = (source / MODEL_FILE).read_text(encoding="utf-8")
    if (target / MODEL_FILE).read_text(encoding="utf-8") != facts:
        write_text_atomically(target / MODEL_FILE, facts)


def _published_models(folder: Path) -> set[str]:
    return {marker.parent.name for marker in folder.glob(f"version_*/{_ORIGIN}")}

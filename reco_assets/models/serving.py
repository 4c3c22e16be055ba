"""The family that serves: its store, its champion, and what a pipeline may ask of both by name."""

from typing import Any

from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.versions.backup import back_up, compare_newest, roll_back_to_backup
from reco_assets.models.versions.files import ModelStoreError
from reco_assets.models.versions.store import ModelStore, model_store
from resources.errors import RecoError
from resources.settings import Settings


class NoChampionError(RecoError):
    """No version has been promoted yet; the message says what became of the last one."""


def serving_store(settings: Settings) -> ModelStore:
    """The versions of the family that serves."""
    return model_store(settings, SERVING_FAMILY)


def champion_version(store: ModelStore) -> str:
    """The version that serves. Raises `NoChampionError`, `ModelStoreError`."""
    version = store.champion()
    if version is None:
        tried = {name: store.record(name).decision or "not judged yet" for name in store.versions()[-1:]}
        why = "; ".join(f"{name} was {decision}" for name, decision in tried.items()) or "none was trained"
        raise NoChampionError(
            f"No model has been promoted yet, so there is nothing to serve: {why}. Train, judge and promote one: reco "
            "train."
        )
    return version


def find_current_model(settings: Settings) -> str:
    """The champion's folder. Raises `ModelStoreError` when no version has been promoted yet."""
    store = serving_store(settings)
    champion = store.champion()
    if champion is None:
        raise ModelStoreError(f"{store.folder} has no champion yet. Train one: reco train.")
    return str(store.path(champion))


def find_latest_model(settings: Settings) -> str:
    """The folder of the version trained last. Raises `ModelStoreError` when there is none."""
    store = serving_store(settings)
    return str(store.path(store.latest()))


def backup_current_model(settings: Settings) -> dict[str, Any]:
    """Back the champion up, as of `versions.backup.back_up`."""
    return back_up(settings, SERVING_FAMILY)


def compare_models(settings: Settings) -> dict[str, Any]:
    """What the evaluation of the newest candidate came to, as of `versions.backup.compare_newest`."""
    return compare_newest(serving_store(settings))


def rollback_model(settings: Settings) -> dict[str, Any]:
    """Let the champion of the backup serve, as of `versions.backup.roll_back_to_backup`."""
    return roll_back_to_backup(settings, SERVING_FAMILY)

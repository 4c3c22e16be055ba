"""Model versions on disk: `<folder>/<version>/`, complete or not there, and which of them is the champion.

A version is written elsewhere and renamed into place, model.json last. `champion.json` is the truth about what
serves; MLflow's alias only mirrors it.
"""

import json
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reco_assets.models.recommender import AlsRecommender, ModelConfig, Recommender
from reco_assets.models.versions import (
    ModelVersionError,
    complete_versions,
    get_latest_model_version_from_path,
    validate_model_version,
)
from resources.atomic_files import write_json
from resources.errors import RecoError
from resources.settings import Settings

MODEL_FILE, CHAMPION_FILE = "model.json", "champion.json"
VERSION_FORMAT = "%Y%m%d_%H%M%S"


class ModelStoreError(RecoError):
    """A version is missing or damaged; the message names it and says what to do."""


@dataclass(frozen=True)
class ModelStore:
    """The versions below one folder, such as gold/models/als."""

    folder: Path

    def new_version(self, now: datetime | None = None) -> str:
        """A UTC timestamp that no version has yet; made once per training run and passed on."""
        moment = (now or datetime.now(UTC)).replace(microsecond=0)
        while self.path(moment.strftime(VERSION_FORMAT)).exists():
            moment += timedelta(seconds=1)
        return moment.strftime(VERSION_FORMAT)

    def path(self, version: str) -> Path:
        """The folder of a version."""
        return self.folder / version

    def versions(self) -> list[str]:
        """All complete versions, oldest first."""
        return [path.name for path in complete_versions(self.folder)]

    def save(
        self,
        version: str,
        model: AlsRecommender,
        facts: dict[str, Any],
        save_native: Callable[[Path], None] | None = None,
    ) -> Path:
        """Write a version; a failure leaves nothing behind. Returns its folder.

        `facts` is what model.json says beside the configuration; `save_native` adds the engine's own files.
        """
        path = self.path(version)
        save_model(path, model, {"version": version, **facts}, save_native)
        return path

    def load(self, version: str) -> Recommender:
        """The model of a version. Raises `ModelStoreError`."""
        return load_model(self.path(version))

    def facts(self, version: str) -> dict[str, Any]:
        """model.json of a version. Raises `ModelStoreError`."""
        return read_facts(self.path(version))

    def annotate(self, version: str, **facts: Any) -> None:
        """Add what became known later (its metrics, the decision on it) to a version's model.json."""
        write_json(self.path(version) / MODEL_FILE, self.facts(version) | facts)

    def latest(self) -> str:
        """The version trained last. Raises `ModelStoreError` when there is none."""
        try:
            return Path(get_latest_model_version_from_path(self.folder)).name
        except ModelVersionError as error:
            raise ModelStoreError(str(error)) from None

    def champion(self) -> str | None:
        """The version that serves; None before the first promotion. Raises `ModelStoreError` on a damaged record."""
        record = self._record()
        if record is None:
            return None
        version = str(record["version"])
        if not (self.path(version) / MODEL_FILE).exists():
            raise ModelStoreError(
                f"{self.folder / CHAMPION_FILE} names {version}, which is gone. Name another: {self._how_to_name()}"
            )
        return version

    def previous(self) -> str | None:
        """The version that served before the champion; None where there was none. Raises `ModelStoreError`."""
        previous = (self._record() or {}).get("previous")
        return None if previous is None else str(previous)

    def promote(self, version: str, reason: str) -> None:
        """Make a version the champion, atomically, and remember which one it follows. Raises `ModelStoreError`."""
        self.facts(version)
        champion = self.champion()
        if champion == version:  # a run repeated: what it follows must not be forgotten
            return
        document = {
            "version": version,
            "previous": champion,
            "promoted_ts": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "reason": reason,
        }
        write_json(self.folder / CHAMPION_FILE, document)

    def rollback(self) -> str:
        """Let champion and predecessor change places; returns the new champion. Doing it again goes back.

        Raises `ModelStoreError` when there is no predecessor, or it is gone.
        """
        champion, previous = self.champion(), self.previous()
        if previous is None:
            raise ModelStoreError(
                f"There is nothing to roll back to: {champion or 'no version'} has no predecessor. "
                "Choose a version: reco model list, then reco model promote VERSION."
            )
        self.promote(previous, f"rolled back from {champion}")
        return previous

    def _record(self) -> dict[str, Any] | None:
        path = self.folder / CHAMPION_FILE
        if not path.exists():
            return None
        try:
            record: dict[str, Any] = json.loads(path.read_text())
            record["version"]
        except (ValueError, KeyError, TypeError) as error:
            raise ModelStoreError(f"{path} is damaged ({error}). Write it anew: {self._how_to_name()}") from None
        return record

    def _how_to_name(self) -> str:
        return f'{{"version": "…"}} with one of {self.versions()}, or remove the file and train: reco train.'


def model_store(settings: Settings) -> ModelStore:
    """The versions of the ALS model."""
    return ModelStore(settings.root / "gold" / "models" / "als")


def find_current_model(settings: Settings) -> str:
    """The champion's folder. Raises `ModelStoreError` when no version has been promoted yet."""
    store = model_store(settings)
    champion = store.champion()
    if champion is None:
        raise ModelStoreError(f"{store.folder} has no champion yet. Train one: reco train.")
    return str(store.path(champion))


def find_latest_model(settings: Settings) -> str:
    """The folder of the version trained last. Raises `ModelStoreError` when there is none."""
    store = model_store(settings)
    return str(store.path(store.latest()))


def save_model(
    path: Path, model: AlsRecommender, facts: dict[str, Any], save_native: Callable[[Path], None] | None = None
) -> None:
    """Write a model folder, visible only when complete. Raises `ModelStoreError` if it exists already."""
    if path.exists():
        raise ModelStoreError(f"{path} exists already; a version is never overwritten.")
    staging = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    staging.mkdir(parents=True)
    try:
        model.save(staging)
        if save_native:
            save_native(staging)
        write_json(staging / MODEL_FILE, {**facts, "mean": model.biases.mean, "config": model.config.as_dict()})
        staging.rename(path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def load_model(path: Path) -> Recommender:
    """The model in a folder that `save_model` wrote. Raises `ModelStoreError`."""
    try:
        validate_model_version(path)
        facts = read_facts(path)
        return AlsRecommender.load(path, ModelConfig.from_dict(facts["config"]), facts["mean"])
    except ModelVersionError as error:
        raise ModelStoreError(str(error)) from None
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ModelStoreError(f"{path} is no complete model version: {error}. Train it again: reco train.") from None


def read_facts(path: Path) -> dict[str, Any]:
    """model.json of a folder. Raises `ModelStoreError`."""
    try:
        facts: dict[str, Any] = json.loads((path / MODEL_FILE).read_text())
    except FileNotFoundError:
        raise ModelStoreError(f"{path} holds no {MODEL_FILE}, so it is no complete model version.") from None
    except ValueError as error:
        raise ModelStoreError(f"{path / MODEL_FILE} is damaged: {error}. Train it again: reco train.") from None
    return facts

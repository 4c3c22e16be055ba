"""Model versions on disk: `<folder>/<version>/`, complete or not there, and which of them is the champion.

A version is written elsewhere and renamed into place, model.json last. `champion.json` is the truth about what
serves; MLflow's alias only mirrors it.
"""

import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reco_assets.models.als.recommender import ITEMS_FILE, USERS_FILE, AlsRecommender, ModelConfig
from reco_assets.models.interface import Recommender
from reco_assets.models.versions.checksums import changed_files, checksums
from reco_assets.models.versions.folders import (
    ModelVersionError,
    complete_versions,
    get_latest_model_version_from_path,
    missing_files,
    validate_model_version,
)
from reco_assets.models.versions.record import ChampionRecord, ModelRecord
from reco_assets.models.versions.smoke import write_sample
from resources.documents import DocumentError, checked, read_document, read_file
from resources.errors import RecoError
from resources.files import write_json
from resources.identifiers import IdentifierError, identifier
from resources.reservations import reserved_path, reserved_stamp, staging_path
from resources.settings import Settings

MODEL_FILE, CHAMPION_FILE = "model.json", "champion.json"
TIMESTAMP = "{timestamp}"
SaveNative = Callable[[Path], None]  # adds the engine's own files to a version's folder


class ModelStoreError(RecoError):
    """A version is missing or damaged; the message names it and says what to do."""


@dataclass(frozen=True)
class ModelStore:
    """The versions below one folder, such as gold/models/als."""

    folder: Path

    @contextmanager
    def new_version(self, output: str | None = None, moment: datetime | None = None) -> Iterator[tuple[str, Path]]:
        """Reserve a version, named by the time (UTC), while it is trained; yields its name and folder.

        `output` is the folder of a version that is to lie elsewhere; `{timestamp}` in it stands for the name. Raises
        `NameTakenError` where that is one folder, whatever the version's name, and is there already.
        """

        template = output or str(self.folder / TIMESTAMP)

        def folder(version: str) -> Path:
            return Path(template.replace(TIMESTAMP, version)).absolute()

        def made(version: str) -> set[Path]:
            return {self.path(version), folder(version)} if TIMESTAMP in template else {self.path(version)}

        fixed = nullcontext() if TIMESTAMP in template else reserved_path(folder(""))
        with fixed, reserved_stamp(made, moment) as version:
            yield version, folder(version)

    def path(self, version: str) -> Path:
        """The folder of a version. Raises `ModelStoreError` for what is no version's name, and for a link."""
        try:
            path = self.folder / identifier(version, "Version")
        except IdentifierError as error:
            raise ModelStoreError(f"{error} See which versions there are: reco model list.") from None
        if path.is_symlink():
            raise ModelStoreError(f"{path} is a link, and a version is a folder. Move what it leads to in its place.")
        return path

    def versions(self) -> list[str]:
        """All complete versions, oldest first."""
        return [path.name for path in complete_versions(self.folder)]

    def save(
        self,
        version: str,
        model: AlsRecommender,
        facts: dict[str, Any],
        save_native: SaveNative | None = None,
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

    def verify(self, version: str) -> None:
        """Raise `ModelStoreError` unless every file of a version is there and as it was when it was saved."""
        if not self.path(version).exists():
            raise ModelStoreError(f"{self.folder} holds no version {version}. See which there are: reco model list.")
        verify_model(self.path(version))

    def latest(self) -> str:
        """The version trained last. Raises `ModelStoreError` when there is none."""
        try:
            return Path(get_latest_model_version_from_path(self.folder)).name
        except ModelVersionError as error:
            raise ModelStoreError(str(error)) from None

    def champion(self) -> str | None:
        """The version that serves; None before the first promotion.

        Raises `ModelStoreError` when the record is damaged or gone, or the version it names is.
        """
        record = self._record()
        if record is None:
            self._require_never_promoted()
            return None
        version = record.version
        if missing := missing_files(self.path(version)):
            found = f"lacks {', '.join(missing)}" if self.path(version).exists() else "is gone"
            raise ModelStoreError(
                f"{self.folder / CHAMPION_FILE} names {version}, which {found}. Bring its files back, if they are "
                f"in the backup: reco model promote {version}; or {self._way_out()}"
            )
        return version

    def previous(self) -> str | None:
        """The version that served before the champion; None where there was none. Raises `ModelStoreError`."""
        record = self._record()
        return record.previous if record else None

    def served(self) -> tuple[str | None, str | None]:
        """Champion and predecessor as far as the record still says, whatever became of their files."""
        try:
            record = self._record()
        except ModelStoreError:
            record = None
        return (record.version, record.previous) if record else (None, None)

    def promote(self, version: str, reason: str) -> None:
        """Make a version the champion, atomically, and remember which one it follows.

        It is the way out of a damaged record as well, so it asks nothing of the champion before. Raises
        `ModelStoreError` when a file of the version is missing or damaged.
        """
        self.verify(version)
        champion, previous = self.served()
        if champion == version:  # a run repeated: what it follows must not be forgotten
            return
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        record = ChampionRecord(version, previous if champion is None else champion, now, reason)
        write_json(self.folder / CHAMPION_FILE, asdict(record))
        self.annotate(version, promoted_ts=now)  # afterwards: it says that there was a record

    def predecessor(self) -> str:
        """The version that a rollback lets serve. Raises `ModelStoreError` when there is none."""
        record = self._record()
        if record is None:
            self._require_never_promoted()
        if record is None or record.previous is None:
            why = f"{record.version} has no predecessor" if record else "no version serves yet"
            raise ModelStoreError(f"There is nothing to roll back to: {why}. {self._to_serve(record)}")
        return record.previous

    def rollback(self) -> str:
        """Let champion and predecessor change places; returns the new champion. Doing it again goes back.

        Raises `ModelStoreError` when there is no predecessor, or it is gone or damaged.
        """
        champion, previous = self.served()[0], self.predecessor()
        self.promote(previous, f"rolled back from {champion}")
        return previous

    def _record(self) -> ChampionRecord | None:
        try:
            return read_document(self.folder / CHAMPION_FILE, ChampionRecord)
        except FileNotFoundError:
            return None
        except DocumentError as error:
            raise ModelStoreError(f"{error}: {self._way_out()}") from None

    def _require_never_promoted(self) -> None:
        """Without its record a champion would be replaced by a model that was never compared with it."""
        promoted = {
            version: str(facts["promoted_ts"])
            for version in self.versions()
            if "promoted_ts" in (facts := self.facts(version))
        }
        if promoted:
            last = max(reversed(promoted), key=lambda version: promoted[version])  # the newest of those of one second
            raise ModelStoreError(
                f"{self.folder / CHAMPION_FILE} is gone, although {last} was promoted at {promoted[last]} and gold "
                f"may serve it still. Write it anew: reco model promote {last}."
            )

    def _to_serve(self, record: ChampionRecord | None) -> str:
        """How another version comes to serve."""
        others = [version for version in self.versions() if record is None or version != record.version]
        if others:
            return f"Let another version serve: reco model promote VERSION (there are: {', '.join(others)})."
        return "Train one: reco train. Any that was trained can serve: reco model promote VERSION."

    def _way_out(self) -> str:
        known = ", ".join(self.versions()) or "none; train one: reco train"
        return f"let another version serve: reco model rollback, or reco model promote VERSION (there are: {known})."


def model_store(settings: Settings) -> ModelStore:
    """The versions of the ALS model."""
    return ModelStore(settings.storage.root / "gold" / "models" / "als")


def promoting(settings: Settings) -> AbstractContextManager[None]:
    """Hold the lock of the champion's record: one decision on what serves at a time, whichever process makes it."""
    from resources.engine import Engine
    from resources.tables.lakehouse import Lakehouse  # not above: finding a model needs neither tables nor an engine

    return Lakehouse(settings, Engine(settings)).lock("models/champion")


def find_current_model(settings: Settings) -> str:
    """The champion's folder. Raises `ModelStoreError` when no version has been promoted yet."""
    store = model_store(settings)
    champion = store.champion()
    if champion is None:
        raise ModelStoreError(f"{store.folder} has no champion yet. Train one: reco train.")
    return str(store.path(champion))


def judged(store: ModelStore, version: str) -> dict[str, Any]:
    """What the evaluation of a version came to, beside the champion. Raises `ModelStoreError`."""
    comparison: dict[str, Any] | None = store.facts(version).get("metrics", {}).get("comparison")
    if comparison is None:
        raise ModelStoreError(f"{version} was not compared with the champion yet. Judge it: reco evaluate.")
    return comparison


def find_latest_model(settings: Settings) -> str:
    """The folder of the version trained last. Raises `ModelStoreError` when there is none."""
    store = model_store(settings)
    return str(store.path(store.latest()))


def save_model(path: Path, model: AlsRecommender, facts: dict[str, Any], save_native: SaveNative | None = None) -> None:
    """Write a model folder, visible only when complete. Raises `ModelStoreError` if it exists already."""
    if path.exists():
        raise ModelStoreError(f"{path} exists already; a version is never overwritten.")
    staging = staging_path(path, uuid.uuid4().hex)
    staging.mkdir(parents=True)
    try:
        model.save(staging)
        if save_native:
            save_native(staging)
        write_sample(staging, model)
        learned = {"mean": model.biases.mean, "config": model.config.as_dict(), "files": checksums(staging)}
        write_json(staging / MODEL_FILE, {**facts, **learned})
        staging.rename(path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def load_model(path: Path) -> Recommender:
    """The model in a folder that `save_model` wrote. Raises `ModelStoreError`."""
    require_no_links(path)
    try:
        validate_model_version(path)
        facts = read_facts(path)
        _require_unchanged(path, facts, {USERS_FILE, ITEMS_FILE})
        return AlsRecommender.load(path, ModelConfig.from_dict(facts["config"]), facts["mean"])
    except ModelVersionError as error:
        raise ModelStoreError(str(error)) from None
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ModelStoreError(f"{path} is no complete model version: {error}. Train it again: reco train.") from None


def verify_model(path: Path) -> None:
    """Raise `ModelStoreError` unless every file of a folder is there and as `save_model` wrote it."""
    require_no_links(path)
    try:
        validate_model_version(path)
    except ModelVersionError as error:
        raise ModelStoreError(str(error)) from None
    facts = read_facts(path)
    _require_unchanged(path, facts, set(facts.get("files", ())))


def require_no_links(path: Path) -> None:
    """Raise `ModelStoreError` where a version's folder is a link or holds one: nothing goes through it."""
    for found in (path, *path.rglob("*")):
        if found.is_symlink():
            raise ModelStoreError(f"{found} is a link, and a version has files of its own. Put those in its place.")


def _require_unchanged(path: Path, facts: dict[str, Any], names: set[str]) -> None:
    """Versions saved before checksums were recorded have nothing to be held against."""
    expected = {name: digest for name, digest in facts.get("files", {}).items() if name in names}
    if changed := changed_files(path, expected):
        raise ModelStoreError(
            f"{path} is no complete model version: {', '.join(changed)} missing or not as saved. "
            f"Bring them back, if the backup has them: reco model promote {path.name}. Or train it again: reco train."
        )


def read_facts(path: Path) -> dict[str, Any]:
    """model.json of a folder. Raises `ModelStoreError`."""
    try:
        content = read_file(path / MODEL_FILE)
        checked(path / MODEL_FILE, content, ModelRecord)
    except FileNotFoundError:
        raise ModelStoreError(f"{path} holds no {MODEL_FILE}, so it is no complete model version.") from None
    except DocumentError as error:
        raise ModelStoreError(f"{error}. Train it again: reco train.") from None
    facts: dict[str, Any] = json.loads(content)
    return facts

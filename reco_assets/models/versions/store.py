"""Model versions on disk: `<folder>/<version>/`, complete or not there, and which of them is the champion.

A version is written elsewhere and renamed into place, model.json last. `champion.json` is the truth about what
serves; MLflow's alias only mirrors it.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from reco_assets.models.interface import Family, Recommender, Trained
from reco_assets.models.record import Annotation, ChampionRecord, ComparisonRecord, ModelRecord
from reco_assets.models.versions.files import (
    ModelStoreError,
    annotate_model,
    load_model,
    load_users,
    read_record,
    required_files,
    save_model,
    verify_model,
)
from reco_assets.models.versions.folders import (
    ModelVersionError,
    complete_versions,
    get_latest_model_version_from_path,
    missing_files,
)
from resources.documents import DocumentError, read_document
from resources.files import write_json
from resources.locking.reservations import reserved_path, reserved_stamp
from resources.paths.identifiers import IdentifierError, identifier
from resources.settings import Settings

CHAMPION_FILE = "champion.json"
TIMESTAMP = "{timestamp}"


@dataclass(frozen=True)
class ModelStore:
    """The versions of a family's models below one folder, such as gold/models/als."""

    folder: Path
    family: Family

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
        return [path.name for path in complete_versions(self.folder, required_files(self.family))]

    def save(self, version: str, trained: Trained, facts: Mapping[str, Any]) -> Path:
        """Write a version; a failure leaves nothing behind. Returns its folder.

        `facts` are the fields of model.json that the model does not say itself.
        """
        path = self.path(version)
        save_model(path, self.family, trained, {"version": version, **facts})
        return path

    def load(self, version: str, *, as_trained: bool = False) -> Recommender:
        """The model of a version, as of `files.load_model`. Raises `ModelStoreError`."""
        return load_model(self.path(version), self.family, as_trained=as_trained)

    def load_users(self, version: str, user_ids: np.ndarray) -> Recommender:
        """The model of a version for some users alone, as of `files.load_users`. Raises `ModelStoreError`."""
        return load_users(self.path(version), self.family, user_ids)

    def record(self, version: str) -> ModelRecord:
        """model.json of a version. Raises `ModelStoreError`."""
        self._require_there(version)
        return read_record(self.path(version), self.family)

    def comparison(self, version: str) -> ComparisonRecord:
        """What the evaluation of a version came to, beside the champion. Raises `ModelStoreError`."""
        metrics = self.record(version).metrics
        if metrics is None or metrics.comparison is None:
            raise ModelStoreError(f"{version} was not compared with the champion yet. Judge it: reco evaluate.")
        return metrics.comparison

    def annotate(self, version: str, known: Annotation) -> None:
        """Add what became known later (its metrics, the decision on it) to a version's model.json."""
        annotate_model(self.path(version), self.family, known)

    def verify(self, version: str) -> None:
        """Raise `ModelStoreError` unless every file of a version is there and as it was when it was saved."""
        self._require_there(version)
        verify_model(self.path(version), self.family)

    def latest(self) -> str:
        """The version trained last. Raises `ModelStoreError` when there is none."""
        try:
            return Path(get_latest_model_version_from_path(self.folder, required_files(self.family))).name
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
        if missing := missing_files(self.path(version), required_files(self.family)):
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
        record = self._readable_record()
        return (record.version, record.previous) if record else (None, None)

    def serves_since(self) -> str:
        """When the version that serves was promoted, ISO 8601, UTC; empty where the record does not say."""
        record = self._readable_record()
        return record.promoted_ts if record else ""

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
        self.annotate(version, Annotation(promoted_ts=now))  # afterwards: it says that there was a record

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

    def _require_there(self, version: str) -> None:
        if not self.path(version).exists():
            raise ModelStoreError(f"{self.folder} holds no version {version}. See which there are: reco model list.")

    def _record(self) -> ChampionRecord | None:
        try:
            return read_document(self.folder / CHAMPION_FILE, ChampionRecord)
        except FileNotFoundError:
            return None
        except DocumentError as error:
            raise ModelStoreError(f"{error}: {self._way_out()}") from None

    def _readable_record(self) -> ChampionRecord | None:
        """The record; None also where it is damaged, which who decides by it must hear of and who shows it need not."""
        try:
            return self._record()
        except ModelStoreError:
            return None

    def _require_never_promoted(self) -> None:
        """Without its record a champion would be replaced by a model that was never compared with it."""
        stamps = {version: self.record(version).promoted_ts for version in self.versions()}
        promoted = {version: stamp for version, stamp in stamps.items() if stamp}
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


def model_store(settings: Settings, family: Family) -> ModelStore:
    """The versions of a family's models in the lakehouse."""
    return ModelStore(settings.storage.root.joinpath(*store_folder(family)), family)


def store_folder(family: Family) -> tuple[str, str, str]:
    """Where a family's versions lie below the lakehouse; nothing is cleared where one of these is a link."""
    return "gold", "models", family.name


def promoting(settings: Settings, family: Family) -> AbstractContextManager[None]:
    """Hold the lock of a champion's record: one decision on what serves at a time, whichever process makes it."""
    from resources.tables.lakehouse import Lakehouse  # not above: finding a model needs neither tables nor an engine

    return Lakehouse.open(settings).lock(f"models/{family.name}/champion")

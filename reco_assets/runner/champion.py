"""Another version serves: the record says so first, then MLflow's aliases and gold follow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Thread

from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.interface import Family
from reco_assets.models.versions.backup import promote as promote_version
from reco_assets.models.versions.backup import roll_back as roll_back_version
from reco_assets.models.versions.backup import target_of_rollback
from reco_assets.models.versions.store import model_store
from reco_assets.pipelines.selections import LISTS
from reco_assets.runner.make import Make
from reco_assets.runner.run import RunFailedError
from resources.mlflow.mirror import MlflowTracking
from resources.settings import Settings

Tell = Callable[[str], None]  # says a line to a person


@dataclass(frozen=True)
class Serving:
    """A version that serves, and why, as a sentence."""

    version: str
    why: str


@dataclass(frozen=True)
class Change:
    """What it comes to when another version serves: in whose place, and which tables of gold are made anew."""

    version: str
    instead_of: str | None
    tables: Sequence[str]

    @property
    def is_none(self) -> bool:
        """Whether the version serves already."""
        return self.version == self.instead_of

    def __str__(self) -> str:
        """As a sentence without its end."""
        if self.is_none:
            return f"{self.version} serves already; {self._follows()}"
        return f"{self.version} serves in place of {self.instead_of or 'none'}; {self._follows()}"

    def _follows(self) -> str:
        return f"made anew: {', '.join(self.tables)}" if self.tables else "gold stays as it is"


def change_to(settings: Settings, version: str | None, family: Family = SERVING_FAMILY) -> Change:
    """What `promote` of a version would change, or for None `roll_back`; nothing is changed.

    Raises `ModelStoreError` where there is no such version.
    """
    store = model_store(settings, family)
    target = target_of_rollback(store) if version is None else store.record(version).version
    return Change(target, store.served()[0], LISTS if family == SERVING_FAMILY else ())


def promote(settings: Settings, version: str, make: Make, tell: Tell, family: Family = SERVING_FAMILY) -> None:
    """Make a version the champion, whatever its figures, and let gold follow it if it follows that family.

    The champion serves even where gold cannot follow. Raises `ModelStoreError`, `RunFailedError`.
    """
    promote_version(settings, family, version)
    _follow(settings, family, Serving(version, "It was promoted by hand."), make, tell)


def roll_back(settings: Settings, make: Make, tell: Tell, family: Family = SERVING_FAMILY) -> None:
    """Let champion and predecessor change places, and gold follow. Raises as `promote`."""
    _follow(settings, family, Serving(roll_back_version(settings, family), "A person rolled back to it."), make, tell)


def _follow(settings: Settings, family: Family, serving: Serving, make: Make, tell: Tell) -> None:
    version, why = serving.version, serving.why
    previous = model_store(settings, family).previous()
    tell(f"Champion: {version}, before it: {previous or 'none'}.")
    mlflow = MlflowTracking(settings, family.registered_name(settings))
    if family != SERVING_FAMILY:
        mlflow.mark_champion(version, previous, why)
        return
    # Beside the rest: the process that it starts imports MLflow, as long as everything else that a rollback does.
    mirror = Thread(target=mlflow.mark_champion, args=(version, previous, why))
    mirror.start()
    try:
        make(settings, LISTS, "gold")
    except RunFailedError as error:
        raise RunFailedError(
            f"{version} is the champion, but gold still holds the lists of the one before ({error}). "
            f"Once that is mended: dg launch --assets '{' or '.join(f'key:{key}' for key in LISTS)}'"
        ) from None
    finally:
        mirror.join()

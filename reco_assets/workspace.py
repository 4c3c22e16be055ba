"""The documents' paths below the workspace, and which of the platform's own tables or versions each one names.

One mapping: every verb that takes a path reads it, what is published goes where it says, docs/documents.md shows it.
What doesn't belong here: reading or writing any of them.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from reco_assets.tables import TEST_RATINGS, TRAIN_RATINGS
from reco_assets.vocabulary import LEARNED_SIDES
from resources.errors import RecoError
from resources.settings import Settings
from resources.tables.published import is_foreign

TRAIN, TEST = TRAIN_RATINGS.name, TEST_RATINGS.name
MERGED, FUTURE_CSV = "silver", "processed/future.csv"
STREAMING, WAITING_TRAIN, WAITING_TEST = "streaming", "streaming/train", "streaming/test"
MODELS, NEW_MODEL = "gold/models/als", "gold/models/als/{timestamp}"

# By the path in the documents below /workspace, where data/ is the lakehouse; what is named is below the lakehouse.
NAMES: Mapping[str, str] = {
    "data/processed/parquet": MERGED,
    "data/processed/parquet/train": TRAIN,
    "data/processed/parquet/test": TEST,
    "data/processed/future.csv": FUTURE_CSV,
    "data/streaming": STREAMING,
    "data/streaming/train": WAITING_TRAIN,
    "data/streaming/test": WAITING_TEST,
    "models/artifacts": MODELS,
    "models/artifacts/version_{timestamp}": NEW_MODEL,
}
_DOCUMENTED = {name: path for path, name in NAMES.items()}
_VERSION = re.compile(r"version_(\d{8}_\d{6}.*)")


class NamesakeError(RecoError):
    """Something else lies where a documented path stands for a table; the message says what to do."""


def own_path(settings: Settings, name: str) -> Path:
    """Where what a documented path names lies in the lakehouse."""
    first, _, rest = name.partition("/")
    return (settings.storage.landing if first == STREAMING else settings.storage.root / first) / rest


def documented_paths(settings: Settings, name: str) -> tuple[Path, ...]:
    """The documents' paths of a name, the one where it is published first.

    `data/` is the lakehouse wherever that is, and `data` in the workspace besides.
    """
    path = _DOCUMENTED[name]
    in_workspace = settings.storage.workspace_folder / path
    if name.startswith(STREAMING):
        return own_path(settings, name), settings.storage.root / name, in_workspace
    if path.startswith("data/"):
        return settings.storage.root / path.removeprefix("data/"), in_workspace
    return (in_workspace,)


def but_for_own(settings: Settings, path: Path | None, name: str) -> Path | None:
    """A path that is no name of the platform's own table: neither its place nor the documents' path of it; else None.

    Raises `NamesakeError` when Parquet that the platform did not publish lies at a documented path.
    """
    if path is None:
        return None
    if path.resolve() in documented_paths(settings, name):
        _refuse_foreign(path, name)
        return None
    return None if path.resolve() == own_path(settings, name) else path


def own_version(settings: Settings, model: Path) -> Path:
    """A model folder; for `models/artifacts/version_<version>` of a version in the store, that one's folder there."""
    found = _VERSION.fullmatch(model.name)
    if found and model.parent.resolve() in documented_paths(settings, MODELS):
        own = own_path(settings, MODELS) / found[1]
        return own if own.is_dir() else model
    return model


def _refuse_foreign(path: Path, name: str) -> None:
    for folder in _tables_at(path, name):
        if is_foreign(folder):
            raise NamesakeError(
                f"{folder} holds Parquet that the platform did not write, and this path stands for its own table "
                f"{name}. Move it away, or give a path outside of the workspace's documented ones."
            )


def _tables_at(path: Path, name: str) -> Iterator[Path]:
    if name in (MERGED, STREAMING):
        yield from (path / side for side in LEARNED_SIDES)
    elif name != NEW_MODEL:
        yield path

"""A version's folder: written elsewhere and renamed into place, model.json last, and read back whole or not at all."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pac
import pyarrow.parquet as pq

from reco_assets.models.interface import Family, Recommender, Trained
from reco_assets.models.record import Annotation, ModelRecord
from reco_assets.models.versions.checksums import changed_files, checksums
from reco_assets.models.versions.flavour import write_flavour
from reco_assets.models.versions.folders import MODEL_FILE, ModelVersionError, validate_model_version
from reco_assets.models.versions.smoke import write_sample
from resources.documents import DocumentError, checked, read_file
from resources.errors import RecoError
from resources.files import staged, write_json


class ModelStoreError(RecoError):
    """A version is missing or damaged; the message names it and says what to do."""


def required_files(family: Family) -> tuple[str, ...]:
    """The files without which a folder is no version of a family."""
    return (*family.files, MODEL_FILE)


def save_model(path: Path, family: Family, trained: Trained, facts: Mapping[str, Any]) -> ModelRecord:
    """Write a model folder, visible only when complete.

    Args:
        path: The folder, which must not be there yet.
        family: What kind of model it is.
        trained: The model.
        facts: Fields of the family's record; what the model itself says, and the checksums, are added.

    Returns:
        What model.json holds.

    Raises:
        ModelStoreError: The folder exists already.
    """
    if path.exists():
        raise ModelStoreError(f"{path} exists already; a version is never overwritten.")
    with staged(path) as staging:
        staging.mkdir()
        learned = (trained.save or trained.model.save)(staging)
        write_sample(staging, trained.model)
        write_flavour(staging, family.name, str(facts.get("version", "")), facts.get("inputs", {}))
        record = family.record.model_validate({**facts, **learned, "files": checksums(staging)})
        write_json(staging / MODEL_FILE, record.document())
    return record


def load_model(path: Path, family: Family, *, as_trained: bool = False) -> Recommender:
    """The model in a folder that `save_model` wrote, as it serves.

    `as_trained`: all its own, also the parts that a baseline stands in for. Raises `ModelStoreError`.
    """
    require_no_links(path)
    with _damage_told(path):
        validate_model_version(path, required_files(family))
        record = read_record(path, family)
        own = {*family.files, *family.also}
        _require_unchanged(path, record, {name for name in record.files if name.partition("/")[0] in own})
        return family.load(path, record.as_trained() if as_trained else record)


def load_users(path: Path, family: Family, user_ids: np.ndarray, *, as_trained: bool = False) -> Recommender:
    """The model in a folder for some users, to whom alone memory is given; others are strangers to it.

    Rows of a user side in parts are read by their files' statistics, and their checksums not compared: that would read
    all of it. Of a family without a `UserSide` the model of all users comes. `as_trained` as of `load_model`. Raises
    `ModelStoreError`.
    """
    if family.users is None:
        return load_model(path, family, as_trained=as_trained)
    require_no_links(path)
    with _damage_told(path):
        validate_model_version(path, required_files(family))
        record = read_record(path, family)
        _require_unchanged(path, record, {*family.files, *family.also})
        rows = pq.read_table(path / family.users.file, filters=pac.field("user_id").isin(user_ids))
        return family.users.model(path, record.as_trained() if as_trained else record, rows)


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Turn what is said of files that are missing or can't be read into one line that names the version."""
    try:
        yield
    except ModelVersionError as error:
        raise ModelStoreError(str(error)) from None
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ModelStoreError(f"{path} is no complete model version: {error}. Train it again: reco train.") from None


def verify_model(path: Path, family: Family) -> None:
    """Raise `ModelStoreError` unless every file of a folder is there and as `save_model` wrote it."""
    require_no_links(path)
    try:
        validate_model_version(path, required_files(family))
    except ModelVersionError as error:
        raise ModelStoreError(str(error)) from None
    record = read_record(path, family)
    _require_unchanged(path, record, set(record.files))


def read_record(path: Path, family: Family) -> ModelRecord:
    """model.json of a folder. Raises `ModelStoreError`."""
    return _read(path, family)[1]


def annotate_model(path: Path, family: Family, known: Annotation) -> None:
    """Add what became known later to a folder's model.json; fields that this release does not know stay."""
    content, _ = _read(path, family)
    write_json(path / MODEL_FILE, json.loads(content) | known.document())


def _read(path: Path, family: Family) -> tuple[bytes, ModelRecord]:
    try:
        content = read_file(path / MODEL_FILE)
        return content, checked(path / MODEL_FILE, content, family.record)
    except FileNotFoundError:
        raise ModelStoreError(f"{path} holds no {MODEL_FILE}, so it is no complete model version.") from None
    except DocumentError as error:
        raise ModelStoreError(f"{error}. Train it again: reco train.") from None


def require_no_links(path: Path) -> None:
    """Raise `ModelStoreError` where a version's folder is a link or holds one: nothing goes through it."""
    for found in (path, *path.rglob("*")):
        if found.is_symlink():
            raise ModelStoreError(f"{found} is a link, and a version has files of its own. Put those in its place.")


def _require_unchanged(path: Path, record: ModelRecord, names: set[str]) -> None:
    """Versions saved before checksums were recorded have nothing to be held against."""
    expected = {name: digest for name, digest in record.files.items() if name in names}
    if changed := changed_files(path, expected):
        raise ModelStoreError(
            f"{path} is no complete model version: {', '.join(changed)} missing or not as saved. "
            f"Bring them back, if the backup has them: reco model promote {path.name}. Or train it again: reco train."
        )

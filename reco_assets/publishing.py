"""Plain Parquet under the documents' paths (PUBLISH_PATHS=on): a mirror of the tables and versions, for other programs.

What can't be published is a warning: the table itself is written by then, and a mirror that breaks must not break it.
"""

import shutil
import uuid
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from reco_assets.batches.accepted import set_name, waiting_batches
from reco_assets.models.versions.folders import missing_files
from reco_assets.models.versions.store import MODEL_FILE, model_store
from reco_assets.tables import STREAM_RATINGS, TRAIN_RATINGS
from reco_assets.workspace import MODELS, WAITING_TEST, WAITING_TRAIN, NamesakeError, documented_paths
from resources.files import write_text_atomically
from resources.settings import Settings
from resources.tables.appends import BATCH, batch_rows
from resources.tables.lakehouse import Lakehouse
from resources.tables.published import is_foreign, publish, published_as

_SIDE = [field.name for field in TRAIN_RATINGS.schema.fields if field.name != "origin"]
_ORIGIN = ".published"  # in a published model's folder: what it is a copy of


@dataclass(frozen=True)
class Rows:
    """What is to be published: `stamp` says which rows these are, None where no two looks at them can be told apart."""

    schema: pa.Schema
    batches: Callable[[], Iterable[pa.RecordBatch]]
    stamp: str | None


def publish_table(lakehouse: Lakehouse, name: str) -> dict[str, Any]:
    """Publish a table under its documented path, unless it is there at its newest version. Returns metadata."""

    def rows() -> Rows:
        version = lakehouse.version(name)
        dataset = lakehouse.dataset(name, version)
        return Rows(dataset.schema, dataset.to_batches, _stamp_of(lakehouse, name, version))

    return _publish(lakehouse, name, rows)


def publish_waiting(lakehouse: Lakehouse) -> dict[str, Any]:
    """Publish the rows of the waiting batches as `train` and `test` below the streaming folder. Returns metadata."""
    if not lakehouse.exists(STREAM_RATINGS.name):
        return {}
    said: dict[str, Any] = {}
    for name in (WAITING_TRAIN, WAITING_TEST):
        made = _publish(lakehouse, name, partial(_waiting, lakehouse, name.partition("/")[2]))
        said |= {f"{key}_{name.partition('/')[2]}": value for key, value in made.items()}
    return said


def publish_models(settings: Settings) -> dict[str, Any]:
    """Publish every complete version as `version_<version>`, and remove the published ones that are no more."""
    if settings.storage.publish_paths == "off":
        return {}
    store, folder = model_store(settings), documented_paths(settings, MODELS)[0]
    versions = {f"version_{version.removeprefix('version_')}": store.path(version) for version in store.versions()}
    try:
        for name, source in versions.items():
            _publish_model(source, folder / name)
        for gone in _published_models(folder) - versions.keys():
            _remove(folder / gone)
    except (OSError, NamesakeError) as error:
        return _left_out(folder, error)
    return {"published": str(folder)}


def _publish(lakehouse: Lakehouse, name: str, find: Callable[[], Rows]) -> dict[str, Any]:
    if lakehouse.settings.storage.publish_paths == "off":
        return {}
    folder = documented_paths(lakehouse.settings, name)[0]
    try:
        # A lock of its own: writers of the table need not wait, and no older rows can follow newer ones.
        with lakehouse.lock(f"published/{name}"):
            if is_foreign(folder):
                raise NamesakeError("it holds Parquet that the platform did not write; move it away")
            rows = find()
            if rows.stamp is None or published_as(folder) != rows.stamp:
                publish(folder, rows.schema, rows.batches(), rows.stamp or name)
    except (OSError, NamesakeError) as error:
        return _left_out(folder, error)
    return {"published": str(folder)}


def _left_out(folder: Path, error: Exception) -> dict[str, Any]:
    warnings.warn(f"{folder} was not published: {error}. PUBLISH_PATHS=off stops trying.", stacklevel=2)
    return {"published": f"not published: {error}"}


def _stamp_of(lakehouse: Lakehouse, name: str, version: int | None) -> str | None:
    """A table with its version; with its id, too, as a table that is made anew counts from 0 again."""
    if version is None:
        return None
    return f"{name} {DeltaTable(str(lakehouse.path(name))).metadata().id} v{version}"


def _waiting(lakehouse: Lakehouse, side: str) -> Rows:
    batches = waiting_batches(lakehouse)
    rows = batch_rows(lakehouse, STREAM_RATINGS.name, batches, columns=[*_SIDE, BATCH, "split"])
    of_side = rows.filter(ds.field("split") == side).drop_columns(["split"]).rename_columns([*_SIDE, "origin"])
    return Rows(of_side.schema, of_side.to_batches, f"{side} of {set_name(batches)}")


def _publish_model(source: Path, target: Path) -> None:
    """A copy of a version, seen whole or not at all; afterwards only what is said of it changes, in model.json."""
    if not target.exists():
        staging = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        try:
            shutil.copytree(source, staging)
            (staging / _ORIGIN).write_text(f"{source.name}\n", encoding="utf-8")
            staging.rename(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return
    if not (target / _ORIGIN).is_file():
        if missing_files(target):
            raise NamesakeError(f"{target} is no model version; move it away")
        return  # trained into this folder by hand: it is what it should be
    facts = (source / MODEL_FILE).read_text(encoding="utf-8")
    if (target / MODEL_FILE).read_text(encoding="utf-8") != facts:
        write_text_atomically(target / MODEL_FILE, facts)


def _published_models(folder: Path) -> set[str]:
    return {marker.parent.name for marker in folder.glob(f"version_*/{_ORIGIN}")}


def _remove(folder: Path) -> None:
    going = folder.with_name(f".{folder.name}.removed")
    shutil.rmtree(going, ignore_errors=True)
    folder.rename(going)
    shutil.rmtree(going)

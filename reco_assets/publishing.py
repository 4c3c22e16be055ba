"""Plain Parquet under the documents' paths (PUBLISH_PATHS=on): a mirror of the tables, for other programs.

What can't be published is a warning: the table itself is written by then, and a mirror that breaks must not break it.
"""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from reco_assets.batches.accepted import set_name, waiting_batches
from reco_assets.tables import STREAM_RATINGS, TRAIN_RATINGS
from reco_assets.workspace import WAITING_TEST, WAITING_TRAIN, NamesakeError, documented_paths
from resources.tables.appends import BATCH, batch_rows
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import read_log
from resources.tables.published import is_foreign, publish, published_as

_SIDE = [field.name for field in TRAIN_RATINGS.schema.fields if field.name != "origin"]


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
        return left_out(folder, error)
    return {"published": str(folder)}


def left_out(folder: Path, error: Exception) -> dict[str, Any]:
    """Warn that a folder was not published; the metadata that says so."""
    warnings.warn(f"{folder} was not published: {error}. PUBLISH_PATHS=off stops trying.", stacklevel=2)
    return {"published": f"not published: {error}"}


def _stamp_of(lakehouse: Lakehouse, name: str, version: int | None) -> str | None:
    """A table with its version; with its id, too, as a table that is made anew counts from 0 again."""
    if version is None:
        return None
    return f"{name} {read_log(lakehouse, name).table_id} v{version}"


def _waiting(lakehouse: Lakehouse, side: str) -> Rows:
    batches = waiting_batches(lakehouse)
    rows = batch_rows(lakehouse, STREAM_RATINGS.name, batches, columns=[*_SIDE, BATCH, "split"])
    of_side = rows.filter(ds.field("split") == side).drop_columns(["split"]).rename_columns([*_SIDE, "origin"])
    return Rows(of_side.schema, of_side.to_batches, f"{side} of {set_name(batches)}")

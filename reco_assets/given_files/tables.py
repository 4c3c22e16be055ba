"""Ratings in folders that are given, Parquet or Delta: read in the order in which they came, and put by their keys."""

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.batches.last_values import last_values
from reco_assets.tables import TRAIN_RATINGS
from reco_assets.vocabulary import KEY, LEARNED_SIDES, PAIR
from resources.durable import flush_to_disk
from resources.tables.files import LakehouseError, dataset_at, is_delta, schema_of, sweep, table_exists, write_arrow
from resources.tables.growth import Changes, changes_of, put_changes

ROW = [field.name for field in TRAIN_RATINGS.schema.fields]
PLACE = "place"
_HIDDEN = ".part."
_TYPES = to_arrow_schema(TRAIN_RATINGS.schema, timezone="UTC")
_FIX = "Give the path of ratings that the platform wrote."


def existing(path: Path) -> Path:
    """The absolute path of a folder with a table. Raises `LakehouseError`."""
    if not table_exists(path):
        raise LakehouseError(f"{path} is no Parquet or Delta folder with rows. Check the path, or run reco etl.")
    return path.absolute()


def columns_of(path: Path, columns: Sequence[str]) -> pa.Table:
    """Columns of ratings, with the types that the platform's own have.

    Raises `LakehouseError` when there is no table, or when it lacks one of them or has it as something else.
    """
    return _typed(path, dataset_at(existing(path)).to_table(columns=_there(path, columns)))


def ratings_in_order(path: Path) -> pa.Table:
    """The rows of a table, with the columns of train and test, those of its first file first.

    Files of Parquet count by name, those of Delta by the time of their commit. Raises as `columns_of`.
    """
    table, columns = dataset_at(existing(path)), _there(path, ROW)
    written = _written(path)
    files = sorted(table.get_fragments(), key=lambda file: (written.get(Path(file.path).name, 0), file.path))
    rows = [file.to_table(schema=table.schema, columns=columns) for file in files]
    return _typed(path, pa.concat_tables([table.schema.empty_table().select(columns), *rows]))


def require_ratings(path: Path) -> None:
    """Raise `LakehouseError` unless a table has the columns of train and test, with their types, and no others."""
    declared = {field.name: field.dataType.simpleString() for field in TRAIN_RATINGS.schema.fields}
    found = {field.name: field.dataType.simpleString() for field in schema_of(_empty(path)).fields}
    if found != declared:
        raise LakehouseError(f"{path} must have the columns {_listed(declared)}, and has {_listed(found)}. {_FIX}")


def merge_ratings(streaming: Path, processed: Path) -> dict[str, Changes]:
    """Put the rows of `<streaming>/{train,test}` into `<processed>/{train,test}`; what that changed, by side.

    A pair that one side has stays on that side, and of rows with one user, movie and time the last stands, as in the
    platform's own tables. Nothing is written before all is read. Whoever calls holds the lock of `processed`. Raises
    `LakehouseError`.
    """
    for side in LEARNED_SIDES:
        sweep(processed / side)
        require_ratings(processed / side)
    new, known = (
        {side: ratings_in_order(folder / side) for side in LEARNED_SIDES} for folder in (streaming, processed)
    )
    changes = {}
    for side, other in (LEARNED_SIDES, LEARNED_SIDES[::-1]):
        own = _join(new[side], known[other], PAIR, "left anti")
        moved = _join(new[other], known[side], PAIR, "left semi")
        changes[side] = _changes(known[side], pa.concat_tables([own, moved]))
    for side, change in changes.items():
        _put(processed / side, known[side], change)
    return changes


def write_part(folder: Path, rows: pa.Table) -> Path:
    """Write a part of a Parquet folder to disk, hidden until it is renamed; whoever calls holds the folder's lock."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_HIDDEN}*"):  # by a process that was killed
        left.unlink()
    temporary = folder / f"{_HIDDEN}{uuid.uuid4().hex}"
    pq.write_table(rows, temporary)
    flush_to_disk(temporary)
    return temporary


def _changes(known: pa.Table, brought: pa.Table) -> Changes:
    held = _join(known, brought, KEY, "left semi")
    return changes_of(_last(pa.concat_tables([held, brought])), _last(held), KEY)


def _last(rows: pa.Table) -> pa.Table:
    """What stands of rows in the order in which they came: one for each key."""
    numbered = rows.append_column(PLACE, pa.array(np.arange(len(rows))))
    return last_values(numbered.combine_chunks(), [PLACE]).select(ROW)


def _put(path: Path, known: pa.Table, changes: Changes) -> None:
    if not len(changes):
        return
    if is_delta(path):
        put_changes(DeltaTable(str(path)), changes, KEY)
    elif len(changes.other):
        kept = _join(known, changes.other, KEY, "left anti")
        write_arrow(TRAIN_RATINGS, path, pa.concat_tables([kept, changes.other, changes.new]), "parquet")
    else:
        name = f"merged-{uuid.uuid4().hex}"
        write_part(path, changes.new).replace(path / f"{name}.parquet")
        flush_to_disk(path)


def _written(path: Path) -> dict[str, int]:
    """When each file of a Delta table was written, by its name."""
    if not is_delta(path):
        return {}
    added = pa.table(DeltaTable(str(path)).get_add_actions(flatten=True)).to_pylist()
    return {Path(file["path"]).name: file["modification_time"] for file in added}


def _there(path: Path, columns: Sequence[str]) -> list[str]:
    if missing := [name for name in columns if name not in _empty(path).column_names]:
        raise LakehouseError(f"{path} has no column {missing[0]}. {_FIX}")
    return list(columns)


def _typed(path: Path, rows: pa.Table) -> pa.Table:
    try:
        return rows.cast(pa.schema([_TYPES.field(name) for name in rows.column_names])).combine_chunks()
    except pa.ArrowException as error:
        raise LakehouseError(f"{path} holds no ratings as the platform reads them: {error}. {_FIX}") from None


def _empty(path: Path) -> pa.Table:
    return dataset_at(existing(path)).schema.empty_table()


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in columns.items())


def _join(rows: pa.Table, known: pa.Table, keys: list[str], kind: str) -> pa.Table:
    """Which rows have one of the known keys, or none, in their order."""
    numbered = rows.append_column(PLACE, pa.array(np.arange(len(rows))))
    found = numbered.join(known.select(keys).group_by(keys).aggregate([]), keys=keys, join_type=kind)
    return rows.take(found[PLACE].combine_chunks().sort())

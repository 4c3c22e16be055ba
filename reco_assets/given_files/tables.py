"""Ratings in folders that are given, Parquet or Delta: read in the order in which they came, and put by their keys."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

from reco_assets.batches.last_values import last_values
from reco_assets.statistics import pair_number
from reco_assets.tables import TRAIN_RATINGS
from reco_assets.vocabulary import KEY, LEARNED_SIDES
from resources.engine import Engine
from resources.tables.files import LakehouseError, dataset_at, read_path, table_exists, table_row_count
from resources.tables.folders import sweep
from resources.tables.growth import Changes, changes_of, put_changes, rows_under
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import log_at
from resources.tables.writing import schema_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROW = [field.name for field in TRAIN_RATINGS.schema.fields]
SIDE, PLACE = "side", "place"
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


def framed_columns_of(engine: Engine, path: Path, columns: Sequence[str]) -> "DataFrame":
    """The same where the engine reads them. Raises as `columns_of`."""
    typed = _typed(path, _empty(path).select(_there(path, columns))).schema
    frame = read_path(engine, existing(path))
    return frame.select(*(frame[field.name].cast(field.dataType) for field in from_arrow_schema(typed)))


def go_by_frames(lakehouse: Lakehouse, *paths: Path) -> bool:
    """Whether one of these tables is Spark's alone to go over, as of `Lakehouse.goes_by_frames`."""
    most = lakehouse.settings.engine.in_memory_rows
    return lakehouse.engine.name == "spark" and any(table_row_count(existing(path)) > most for path in paths)


def require_ratings(path: Path) -> None:
    """Raise `LakehouseError` unless a table has the columns of train and test, with their types, and no others."""
    declared = {field.name: field.dataType.simpleString() for field in TRAIN_RATINGS.schema.fields}
    found = {field.name: field.dataType.simpleString() for field in schema_of(_empty(path)).fields}
    if found != declared:
        raise LakehouseError(f"{path} must have the columns {_listed(declared)}, and has {_listed(found)}. {_FIX}")


def rows_by_arrival(tables: Mapping[str, Path], of: pa.Table | None = None) -> pa.Table:
    """The rows of the tables by side, with their `side`, in the order in which they came; of the users of `of` alone.

    Files of Parquet count by name, those of Delta by the time of their commit. Raises as `columns_of`.
    """
    users = None if of is None else pc.field("user_id").isin(pc.unique(of["user_id"]))
    parts = []
    for side, path in tables.items():
        table, columns, committed = dataset_at(existing(path)), _there(path, ROW), _committed(path)
        for file in table.get_fragments():
            rows = _typed(path, file.to_table(schema=table.schema, columns=columns, filter=users))
            came = committed.get(Path(file.path).name, 0), file.path.removeprefix(str(existing(path)))
            parts.append((came, rows.append_column(SIDE, pa.repeat(side, len(rows)))))
    none = _TYPES.empty_table().append_column(SIDE, pa.array([], pa.string()))
    return pa.concat_tables([none, *(rows for _, rows in sorted(parts, key=lambda part: part[0]))]).combine_chunks()


def first_sides(rows: pa.Table) -> np.ndarray:
    """The side to which the pair of each row came first, (n,) of strings, for n rows in the order of arrival."""
    pairs = pair_number(rows["user_id"].to_numpy(), rows["movie_id"].to_numpy())
    _, first, of_pair = np.unique(pairs, return_index=True, return_inverse=True)
    sides: np.ndarray = rows[SIDE].to_numpy(zero_copy_only=False)[first][of_pair]
    return sides


def merge_ratings(streaming: Path, processed: Path) -> dict[str, Changes]:
    """Put the rows of `<streaming>/{train,test}` into `<processed>/{train,test}`; what that changed, by side.

    A pair stays on the side that it came to first, that of `processed` if it is there, and of rows with one user,
    movie and time the last stands, as in the platform's own tables. Nothing is written before all is read. Whoever
    calls holds the lock of `processed`. Raises `LakehouseError`.
    """
    for side in LEARNED_SIDES:
        sweep(processed / side)
        require_ratings(processed / side)
    new = rows_by_arrival({side: streaming / side for side in LEARNED_SIDES})
    known = rows_by_arrival({side: processed / side for side in LEARNED_SIDES}, of=new)
    rows = pa.concat_tables([known, new]).combine_chunks()
    rows = rows.append_column(PLACE, pa.array(np.arange(len(rows))))
    known, new, sides = rows.slice(0, len(known)), rows.slice(len(known)), first_sides(rows)[len(known) :]
    changes = {}
    for side in LEARNED_SIDES:
        brought = new.filter(pa.array(sides == side, pa.bool_()))
        held = rows_under(ds.dataset(known.filter(pc.equal(known[SIDE], side))), brought.select(KEY))
        changes[side] = changes_of(_last(pa.concat_tables([held, brought])), _last(held), KEY)
    for side, change in changes.items():
        put_changes(TRAIN_RATINGS, processed / side, change, KEY)
    return changes


def _last(rows: pa.Table) -> pa.Table:
    """What stands of rows: one for each key."""
    return last_values(rows.combine_chunks(), [PLACE]).select(ROW)


def _committed(path: Path) -> dict[str, int]:
    """When each file of a Delta table was committed, by its name."""
    log = log_at(path)
    return {Path(file).name: written for file, written in log.files().items()} if log else {}


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

"""Putting rows into a table by their keys, and taking rows out by them, each in one commit."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, write_deltalake

from resources.tables.files import TableSpec, dataset_at, for_delta, for_engine, is_delta, own_errors
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import carrying, open_table
from resources.tables.parts import place_part, write_part
from resources.tables.writing import require_declared, write_arrow


@dataclass(frozen=True)
class Changes:
    """What rows change in a table: `new` come under keys that it does not hold, `other` in place of the rows it holds.

    Rows that it holds as they are belong to neither.
    """

    new: pa.Table
    other: pa.Table

    def __len__(self) -> int:
        return len(self.new) + len(self.other)


def rows_under(table: ds.Dataset, keys: pa.Table, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of a table that have one of the keys (`keys` holds the key columns alone), with these columns or all.

    It reads those row groups that can hold one of the first column's values and lie in the range of the others: of
    1,000 keys in 16 M rows in 0.3 s, and no file of older rows where a key's time is new.
    """
    by = keys.column_names
    if not len(keys):
        return table.schema.empty_table().select(columns or table.schema.names)
    # Arrow's own memory, as `unique` makes it: a filter over numpy's can abort a process that ends right after.
    near = pc.field(by[0]).isin(pc.unique(keys[by[0]]))
    for name in by[1:]:
        ends = pc.min_max(keys[name])
        near &= (pc.field(name) >= ends["min"]) & (pc.field(name) <= ends["max"])
    # The keys alone first: of 2 M rows without a match 0.06 s, and not 0.16 s with the names of their batches.
    met = table.to_table(columns=by, filter=near).join(keys.group_by(by).aggregate([]), keys=by, join_type="left semi")
    if not len(met):
        return table.schema.empty_table().select(columns or table.schema.names)
    for name in by:
        near &= pc.field(name).isin(pc.unique(met[name]))
    found = table.to_table(columns=None if columns is None else [*{*by, *columns}], filter=near)
    held = found.join(met.group_by(by).aggregate([]), keys=by, join_type="left semi")
    return held.select(columns or table.schema.names)


def rows_held(
    lakehouse: Lakehouse, name: str, keys: pa.Table, columns: Sequence[str] | None = None, version: int | None = None
) -> pa.Table:
    """As `rows_under`, of one of the lakehouse's tables (at a version): by a join where Spark alone goes over it.

    Raises `LakehouseError`.
    """
    table = lakehouse.dataset(name, version)
    if not len(keys) or not lakehouse.goes_by_frames(name, version):
        return rows_under(table, keys, columns)
    by, frame = keys.column_names, lakehouse.read(name, version)
    wanted = lakehouse.engine.session.createDataFrame(keys.group_by(by).aggregate([]))
    for key in by:  # files outside of these ranges are not read
        ends = pc.min_max(keys[key])
        frame = frame.where(frame[key].between(ends["min"].as_py(), ends["max"].as_py()))
    chosen = list(columns or table.schema.names)
    found = frame.join(wanted, by, "left_semi").select(*chosen).toArrow()
    return found.cast(pa.schema([table.schema.field(column) for column in chosen]))


def changes_of(rows: pa.Table, held: pa.Table, keys: Sequence[str]) -> Changes:
    """What rows, distinct by `keys`, change in a table; `held`: its rows under those keys."""
    columns, by = rows.column_names, list(keys)
    new = rows.join(held.select(by), keys=by, join_type="left anti").select(columns)
    both = rows.join(held, keys=by, join_type="inner", right_suffix=" held")
    differs = [pc.invert(_same(both[name], both[f"{name} held"])) for name in columns if name not in by]
    other = both.filter(reduce(pc.or_, differs)) if differs and len(both) else both.slice(0, 0)
    return Changes(new, other.select(columns))


@own_errors()
def commit_changes(
    lakehouse: Lakehouse, spec: TableSpec, changes: Changes, keys: Sequence[str], transaction: str | None = None
) -> None:
    """Bring changes into the table in one commit; whoever calls has held the table's lock since it read what is held.

    The commit carries the transaction, also when nothing changes. Raises `LakehouseError` when the columns are not the
    declared ones or there is no such table.

    Where nothing is replaced, rows are appended: 1,000 to 16 M in 0.02 s, and the table's files stay as they are. Else
    a MERGE rewrites the files that hold one of the rows: 10 or 1,000 anywhere in 16 M, in three files, took 6 s. Where
    Spark alone goes over the table, that is Spark's MERGE, and the transaction is the next commit's.
    """
    with lakehouse.lock(spec.name):
        if len(changes.other) and lakehouse.goes_by_frames(spec.name):
            _merge_by_spark(lakehouse, spec, changes, keys)
            if transaction is not None:
                record(lakehouse, spec.name, transaction)
            return
        table = open_table(lakehouse, spec.name)
        if transaction is None or len(changes):
            put_changes(spec, lakehouse.path(spec.name), changes, keys, carrying(table, transaction))
        else:
            record(lakehouse, spec.name, transaction)


@own_errors()
def put_changes(
    spec: TableSpec, path: Path, changes: Changes, keys: Sequence[str], properties: CommitProperties | None = None
) -> None:
    """Bring changes into the table at `path` in one step; whoever calls this is its one writer.

    `properties`: of the commit, where it is a Delta table. A Parquet folder gets one more file, or is replaced where
    rows are. Raises `LakehouseError` when the columns are not the declared ones.
    """
    for rows in (changes.new, changes.other):
        require_declared(spec, rows)
    if not len(changes):
        return
    if is_delta(path):
        _commit(DeltaTable(for_delta(path)), changes, keys, properties)
    elif len(changes.other):
        held = dataset_at(path).to_table().cast(changes.new.schema)
        kept = held.join(changes.other.select(keys), keys=keys, join_type="left anti").select(held.column_names)
        write_arrow(spec, path, pa.concat_tables([kept, changes.other, changes.new]), "parquet")
    else:
        place_part(write_part(path, changes.new), f"merged-{uuid.uuid4().hex}")


def _merge_by_spark(lakehouse: Lakehouse, spec: TableSpec, changes: Changes, keys: Sequence[str]) -> None:
    """Of a writer that is killed before the transaction is committed, the next one finds nothing left to change."""
    rows = pa.concat_tables([changes.new, changes.other])
    require_declared(spec, rows)
    session, view = lakehouse.engine.session, f"reco_changes_{uuid.uuid4().hex}"
    path = for_engine(lakehouse.engine, lakehouse.path(spec.name)).replace("`", "``")
    session.createDataFrame(rows).createOrReplaceTempView(view)
    try:
        same = " AND ".join(f"held.{key} = new.{key}" for key in keys)
        session.sql(
            f"MERGE INTO delta.`{path}` AS held USING {view} AS new "
            f"ON {same} WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        ).collect()
    finally:
        session.catalog.dropTempView(view)


def _commit(table: DeltaTable, changes: Changes, keys: Sequence[str], properties: CommitProperties | None) -> None:
    if not len(changes.other):
        write_deltalake(table, changes.new, mode="append", commit_properties=properties)
        return
    merging = table.merge(
        pa.concat_tables([changes.new, changes.other]),
        " AND ".join(f"held.{key} = new.{key}" for key in keys),
        source_alias="new",
        target_alias="held",
        streamed_exec=False,  # so that it looks into those files alone whose statistics allow for a match
        commit_properties=properties,
    )
    merging.when_matched_update_all().when_not_matched_insert_all().execute()


@own_errors()
def record(
    lakehouse: Lakehouse, name: str, transaction: str | None, properties: Mapping[str, str] | None = None
) -> None:
    """Commit a transaction and properties of the table, whose names are free, without a row."""
    with lakehouse.lock(name):
        table = open_table(lakehouse, name)
        table.alter.set_table_properties(
            dict(properties or {}), raise_if_not_exists=False, commit_properties=carrying(table, transaction)
        )


@own_errors()
def remove_rows(lakehouse: Lakehouse, name: str, keys: pa.Table, within: Mapping[str, str]) -> None:
    """Delete the rows that have one of the keys, in one commit; those that are gone already are no error.

    Args:
        lakehouse: Where the table is.
        name: The table's.
        keys: One row for each key, of key columns alone.
        within: Key columns that have the same word in every key, so that only files that can hold it are read.
    """
    same = [*(f"held.{key} = gone.{key}" for key in keys.column_names)]
    same += [f"held.{key} = '{word}'" for key, word in within.items()]
    with lakehouse.lock(name):
        merging = open_table(lakehouse, name).merge(keys, " AND ".join(same), source_alias="gone", target_alias="held")
        merging.when_matched_delete().execute()


def _same(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    both_null = pc.and_(pc.is_null(one), pc.is_null(other))
    return pc.or_(pc.fill_null(pc.equal(one, other), False), both_null)

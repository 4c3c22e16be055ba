"""Adding batches to a table, each of them once: what tables that only grow are written by."""

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pac
import pyarrow.dataset as ds
from deltalake import DeltaTable, write_deltalake

from resources.durable import flush_to_disk
from resources.lakehouse import Lakehouse
from resources.table_files import LakehouseError, TableSpec, schema_of, sweep, write_arrow

BATCH = "batch"


def append_batches(lakehouse: Lakehouse, spec: TableSpec, data: pa.Table) -> None:
    """Append the rows whose `batch` the table does not hold yet, in one commit that is on disk when this returns.

    The table itself is asked which batches it holds, so a killed writer's replay doubles nothing. Rows of one batch
    must come together. Without a table one is made, if need be without a row. Raises `LakehouseError` when the columns
    are not the declared ones (strings may be dictionary-encoded) or the storage format is not delta.
    """
    lakehouse.require_delta(f"Appending to {spec.name}")
    if schema_of(data) != spec.schema:
        found, declared = schema_of(data).simpleString(), spec.schema.simpleString()
        raise LakehouseError(f"Table {spec.name} must have the columns {declared}, got {found}.")
    path = lakehouse.path(spec.name)
    with lakehouse.lock(spec.name):
        if not lakehouse.exists(spec.name):
            sweep(path)
            write_arrow(spec, path, data, "delta")
        else:
            fresh = _without(data, _held(lakehouse, spec.name, pac.unique(data[BATCH]).to_pylist()))
            if not fresh.num_rows:
                return
            write_deltalake(str(path), fresh, mode="append")
        _flush_newest_commit(path)


def batch_rows(lakehouse: Lakehouse, name: str, batches: Iterable[str], columns: list[str]) -> pa.Table:
    """These columns of the rows of these batches. Reads the files that can hold one, by their statistics."""
    wanted = ds.field(BATCH).isin(pa.array(batches, pa.string()))
    return lakehouse.dataset(name).to_table(columns=columns, filter=wanted)


def _held(lakehouse: Lakehouse, name: str, batches: list[str]) -> pa.Array:
    return pac.unique(batch_rows(lakehouse, name, batches, columns=[BATCH])[BATCH])


def _without(data: pa.Table, batches: pa.Array) -> pa.Table:
    return data.filter(pac.invert(pac.is_in(data[BATCH], value_set=batches))) if len(batches) else data


def _flush_newest_commit(path: Path) -> None:
    """delta-rs leaves what it wrote in the page cache, which a power cut loses."""
    commit = path / "_delta_log" / f"{DeltaTable(str(path)).version():020}.json"
    actions = [json.loads(line) for line in commit.read_text(encoding="utf-8").splitlines()]
    added = [path / action["add"]["path"] for action in actions if "add" in action]
    for written in (*added, commit, commit.parent, path, path.parent):
        flush_to_disk(written)

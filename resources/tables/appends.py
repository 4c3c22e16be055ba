"""Adding batches to a table, each of them once: what tables that only grow are written by."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pac
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from pyspark.sql.pandas.types import to_arrow_schema

from resources.files import flush_to_disk
from resources.tables.files import TableSpec, for_delta, own_errors
from resources.tables.lakehouse import Lakehouse
from resources.tables.places import LOG, NOTE, files_of, noted_uri
from resources.tables.writing import placed, require_declared, write_arrow

BATCH = "batch"


@dataclass(frozen=True)
class Commit:
    """What whoever appends knows: a transaction for the commit to carry, its number above those before, and the
    batches that the table cannot hold yet.
    """

    transaction: tuple[str, int] | None = None
    new: frozenset[str] = frozenset()


@own_errors()
def append_batches(
    lakehouse: Lakehouse, spec: TableSpec, data: pa.Table, commit: Commit | None = None
) -> tuple[str, ...]:
    """Append the rows whose `batch` the table does not hold yet, in one commit that is on disk when this returns.

    The table itself is asked which batches it holds, but for `commit.new`, so a killed writer's replay doubles nothing.
    Rows of one batch must come together. Without a table one is made, if need be without a row. Returns the files that
    were added, by their paths in the table. Raises `LakehouseError` when the columns are not the declared ones (strings
    may be dictionary-encoded) or the storage format is not delta.
    """
    commit = commit or Commit()
    lakehouse.require_delta(f"Appending to {spec.name}")
    require_declared(spec, data)
    path = lakehouse.path(spec.name)
    with lakehouse.lock(spec.name):
        if not lakehouse.exists(spec.name):
            make_table(lakehouse, spec, data)
        else:
            asked = [batch for batch in pac.unique(data[BATCH]).to_pylist() if batch not in commit.new]
            fresh = _without(data, _held(lakehouse, spec.name, asked)) if asked else data
            if not fresh.num_rows:
                return ()
            write_deltalake(for_delta(path), fresh, mode="append", commit_properties=_carrying(commit))
        return flush_newest_commit(path)


def batch_rows(
    lakehouse: Lakehouse, name: str, batches: Iterable[str], columns: list[str], counts: Mapping[str, int] | None = None
) -> pa.Table:
    """These columns of the rows of these batches. Reads the files that can hold one, by their statistics.

    `counts`: how many rows each of the batches has, where that is known. Names of batches are hashes, which
    statistics of larger files never rule out, so the newest files are then read first, and none after the last row
    was found: the newest batch of 10.5 M rows in 0.02 s and not in 2.5 s.
    """
    names = list(batches)
    wanted = ds.field(BATCH).isin(pa.array(names, pa.string()))
    dataset = lakehouse.dataset(name)
    if counts is None:
        return dataset.to_table(columns=columns, filter=wanted)
    left, found = {batch: counts[batch] for batch in names if counts[batch]}, list[pa.Table]()
    for file in _newest_first(lakehouse.path(name), dataset.get_fragments(filter=wanted)) if left else ():
        rows = file.to_table(schema=dataset.schema, columns=[*{*columns, BATCH}], filter=wanted)
        found.append(rows.select(columns))
        for counted in pac.value_counts(rows[BATCH]).to_pylist():
            left[counted["values"]] = left.get(counted["values"], 0) - counted["counts"]
        if all(count <= 0 for count in left.values()):
            break
    return pa.concat_tables([dataset.schema.empty_table().select(columns), *found])


def rows_of_files(lakehouse: Lakehouse, spec: TableSpec, files: Sequence[str], columns: list[str]) -> pa.Table:
    """These columns of some data files of a table that has no partitions; none gives no row."""
    if not files:
        return to_arrow_schema(spec.schema, timezone="UTC").empty_table().select(columns)
    found = ds.dataset(list(files), format="parquet", filesystem=files_of(lakehouse.path(spec.name)))
    return found.to_table(columns=columns)


def _newest_first(path: Path, files: Iterable[ds.Fragment]) -> list[ds.Fragment]:
    """By the clock of the files: a wrong one costs time and no row, and the log, whose order is any, takes longer."""
    by_path = {file.path: file for file in files}
    found = sorted(files_of(path).get_file_info(list(by_path)), key=lambda each: each.mtime_ns, reverse=True)
    return [by_path[each.path] for each in found]


def make_table(lakehouse: Lakehouse, spec: TableSpec, rows: pa.Table) -> None:
    """Make a Delta table that is not there yet, of its first rows; whoever calls this holds its lock."""
    path = lakehouse.path(spec.name)
    with placed(spec, path, lakehouse.settings.storage.tables_uri) as place:
        write_arrow(spec, place, rows, "delta")
    lakehouse.remember(spec.name)


def _carrying(commit: Commit) -> CommitProperties | None:
    carried = commit.transaction
    return None if carried is None else CommitProperties(app_transactions=[Transaction(*carried)])


def _held(lakehouse: Lakehouse, name: str, batches: list[str]) -> pa.Array:
    return pac.unique(batch_rows(lakehouse, name, batches, columns=[BATCH])[BATCH])


def _without(data: pa.Table, batches: pa.Array) -> pa.Table:
    return data.filter(pac.invert(pac.is_in(data[BATCH], value_set=batches))) if len(batches) else data


def flush_newest_commit(path: Path) -> tuple[str, ...]:
    """delta-rs leaves what it wrote in the page cache, which a power cut loses; object storage has what it answered to.

    Returns the files that the commit added, by their paths in the table.
    """
    commit = f"{LOG}/{DeltaTable(for_delta(path)).version():020}.json"
    with files_of(path).open_input_stream(commit) as lines:
        actions = [json.loads(line) for line in lines.read().splitlines()]
    added = tuple(unquote(action["add"]["path"]) for action in actions if "add" in action)
    for name in (*added, commit, LOG) if noted_uri(path) is None else (NOTE,):
        flush_to_disk(path / name)
    for folder in (path, path.parent):
        flush_to_disk(folder)
    return added

"""Taking rows out of every version of a table, so that no file of it holds them and every version stays readable.

A Delta table's history is written anew beside it and put in its place at once: data files without the rows, under the
names they had, and a log that says so (`scrubbed_log`). Versions, transactions and the table's id stay, so whatever
names a version (models, the ledger, offsets of events) goes on with the same one.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pac
import pyarrow.parquet as pq

from resources.tables.files import LakehouseError
from resources.tables.folders import swapped_in
from resources.tables.places import LOG, noted_uri
from resources.tables.scrubbed_log import Rewritten, scrub_log, tells_of_rows

Gone = Callable[[pa.Table], pa.ChunkedArray]  # which of n rows go, (n,) bool


def rows_to_go(file: Path, gone: Gone) -> int:
    """How many rows of a Parquet file go. Raises `LakehouseError` where it can't be read."""
    return sum(pac.sum(gone(rows)).as_py() or 0 for rows in _row_groups(file))


def scrub_file(source: Path, target: Path, gone: Gone) -> Rewritten:
    """Write a Parquet file without the rows that go; its columns and row groups stay."""
    schema, removed, kept = _plain(pq.read_schema(source)), 0, list[Mapping[str, Any]]()
    whole = [each.name for each in schema if pa.types.is_integer(each.type) or pa.types.is_timestamp(each.type)]
    coded = {"column_encoding": dict.fromkeys(whole, "DELTA_BINARY_PACKED")} if whole else {}
    others = [each.name for each in schema if each.name not in whole]
    with pq.ParquetWriter(target, schema, compression="snappy", use_dictionary=others, **coded) as writer:
        for rows in _row_groups(source):
            goes = gone(rows)
            left = rows.filter(pac.invert(goes))
            removed += len(rows) - len(left)
            writer.write_table(left)
            kept.append(_statistics(left))
    return Rewritten(target.stat().st_size, removed, _together(kept))


def table_rows_to_go(path: Path, gone: Gone) -> int:
    """How many rows go of all data files of a table, those of old versions among them."""
    return sum(rows_to_go(file, gone) for file in data_files(path))


def scrub_table(path: Path, gone: Gone) -> int:
    """Take rows out of every file of the Delta table at `path`; returns how many. Whoever calls this holds its lock.

    A process that is killed leaves the table as it was, or as it shall be. Raises `LakehouseError`.
    """
    if noted_uri(path) is not None:
        raise LakehouseError(f"{path} lies on object storage, where its history can't be put in place at once.")
    names = {file.relative_to(path).as_posix() for file in data_files(path) if rows_to_go(file, gone)}
    there = {file.relative_to(path).as_posix() for file in data_files(path)}
    if not names and not any(tells_of_rows(file, there) for file in _files(path / LOG)):
        return 0
    with swapped_in(path) as staging:
        changed = {name: _scrubbed(path / name, staging / name, gone) for name in sorted(names)}
        for file in _files(path):
            _carry(file, path, staging, changed, there)
    return sum(each.removed for each in changed.values())


def data_files(path: Path) -> Iterator[Path]:
    """Every Parquet file of a table but its log's, also those that no version needs any more."""
    return (file for file in _files(path) if file.suffix == ".parquet" and file.relative_to(path).parts[0] != LOG)


def _files(path: Path) -> Iterator[Path]:
    return (file for file in sorted(path.rglob("*")) if file.is_file())


def _scrubbed(source: Path, target: Path, gone: Gone) -> Rewritten:
    target.parent.mkdir(parents=True, exist_ok=True)
    return scrub_file(source, target, gone)


def _carry(file: Path, path: Path, staging: Path, changed: Mapping[str, Rewritten], there: set[str]) -> None:
    """Bring a file of the table along, as it is or as what became of its data files asks for."""
    name = file.relative_to(path)
    if name.as_posix() in changed or file.suffix == ".crc" or name.name == "_last_checkpoint":
        return  # sums of what was; and a hint, without which readers list the log
    target = staging / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if name.parts[0] == LOG and scrub_log(file, target, changed, there):
        shutil.copystat(file, target)  # by its time a commit expires
    else:
        os.link(file, target)


def _row_groups(file: Path) -> Iterator[pa.Table]:
    try:
        found = pq.ParquetFile(file)
    except pa.ArrowInvalid as error:
        raise LakehouseError(f"{file} is damaged: {error}. Bring it back from a backup, or remove it.") from None
    with found:
        schema = _plain(found.schema_arrow)
        for at in range(found.num_row_groups):
            yield found.read_row_group(at).cast(schema)


def _plain(schema: pa.Schema) -> pa.Schema:
    for at, each in enumerate(schema):
        schema = schema.set(at, each.with_type(_plain_type(each.type)))
    return schema


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """Words as words, and the times that Spark writes as INT96 in the form of Delta's own writers.

    A merge by delta-rs notes words as views, and Arrow has no filter for these.
    """
    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_plain_type(kind.value_type)))
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", "UTC")
    return kind


def _statistics(rows: pa.Table) -> dict[str, Any]:
    found: dict[str, Any] = {"numRecords": len(rows), "minValues": {}, "maxValues": {}, "nullCount": {}}
    for name in rows.column_names:
        column = rows[name]
        found["nullCount"][name] = column.null_count
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type) or len(column) == column.null_count:
            continue
        ends = pac.min_max(column).as_py()
        found["minValues"][name], found["maxValues"][name] = ends["min"], ends["max"]
    return found


def _together(parts: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The statistics of a file, of those of its row groups; words and times as the log writes them."""
    whole: dict[str, Any] = {"numRecords": 0, "minValues": {}, "maxValues": {}, "nullCount": {}}
    for part in parts:
        whole["numRecords"] += part["numRecords"]
        for name, nulls in part["nullCount"].items():
            whole["nullCount"][name] = whole["nullCount"].get(name, 0) + nulls
        for ends, choose in (("minValues", min), ("maxValues", max)):
            for name, value in part[ends].items():
                whole[ends][name] = choose(whole[ends].get(name, value), value)
    for ends in ("minValues", "maxValues"):
        whole[ends] = {name: _said(value) for name, value in whole[ends].items()}
    return whole


def _said(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat().replace("+00:00", "Z")
    return value

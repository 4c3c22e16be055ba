"""One table's files: how a folder is read, and how it is replaced in one step.

What belongs here: Delta and parquet folders wherever they lie. What doesn't: the platform's own tables, their
versions and locks, which `Lakehouse` knows.
"""

import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, write_deltalake
from pyarrow import fs
from pyspark.sql.types import StructType

from resources.addresses import plain_stem, unusable
from resources.engine import Engine
from resources.errors import RecoError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

DESCRIPTION = "comment"  # of a column, in its field's metadata: the key that Spark uses
# Delta's writers would remove commits after 30 days by themselves, and with them versions that a model was trained
# on: only maintenance may, which knows those.
_NEW_TABLE = {"delta.enableExpiredLogCleanup": "false"}


NOTES = "reco."  # of schema metadata, what stays with the table


LOCAL = fs.LocalFileSystem()


class LakehouseError(RecoError):
    """A table cannot be read or written; the message names it and says what to do."""


@dataclass(frozen=True)
class TableSpec:
    """What a table promises: its columns in order with their types, and the columns it is partitioned by."""

    name: str
    schema: StructType
    partition_by: tuple[str, ...] = ()


def _for_delta(path: Path) -> str:
    if defect := unusable(path, delta=True):
        raise LakehouseError(f"{defect}.")
    return str(path)


def is_delta(path: Path) -> bool:
    """Whether a folder is a Delta table."""
    return (path / "_delta_log").is_dir()


def table_exists(path: Path) -> bool:
    """Whether a folder holds a Delta table with a commit, or parquet files."""
    if is_delta(path):
        return DeltaTable.is_deltatable(_for_delta(path))
    return next(_current(path).rglob("*.parquet"), None) is not None


def table_row_count(path: Path, version: int | None = None) -> int:
    """Rows of a Delta table or a folder of parquet files, from statistics and footers."""
    if not is_delta(path):
        return int(_parquet_dataset(path).count_rows())
    actions = pa.table(DeltaTable(_for_delta(path), version=version).get_add_actions(flatten=True))
    return int(sum(actions["num_records"].to_pylist())) if actions.num_rows else 0


def dataset_at(path: Path, version: int | None = None, encoded: Sequence[str] = ()) -> ds.Dataset:
    """A Delta table or a folder of parquet files without an engine, partition columns included.

    The columns named in `encoded` come dictionary-encoded: 20 M rows of few different words in 0.15 s and not in 0.6 s.
    """
    if is_delta(path):
        # Not delta-rs's own file system: Arrow's threads would hold Python objects, and a process that ends right
        # after reading aborts ("terminate called without an active exception", 3 times in 25 tries).
        local = fs.SubTreeFileSystem(str(path), LOCAL)
        table = DeltaTable(_for_delta(path), version=version)
        return table.to_pyarrow_dataset(filesystem=local, parquet_read_options=_reading(encoded))
    return _parquet_dataset(path, encoded)


def _parquet_dataset(path: Path, encoded: Sequence[str] = ()) -> ds.Dataset:
    folder = str(_current(path).absolute())
    return ds.dataset(folder, format=ds.ParquetFileFormat(_reading(encoded)), partitioning="hive", filesystem=LOCAL)


def _reading(encoded: Sequence[str]) -> ds.ParquetReadOptions:
    return ds.ParquetReadOptions(dictionary_columns=list(encoded))


def read_path(engine: Engine, path: Path, version: int | None = None) -> "DataFrame":
    """A Delta table or a folder of parquet files as a lazy DataFrame."""
    if not is_delta(path):
        return _read_parquet(engine, _current(path))
    if version is not None and engine.name == "embedded":
        # Sail starts at the checkpoint that this file names even for a version before it, and finds a commit missing
        # (0.7.2: versions 2 to 8 of 10 with a checkpoint at 9). It is a hint: without it readers list the log.
        with suppress(OSError):  # there is none, or it may not be removed
            (path / "_delta_log" / "_last_checkpoint").unlink()
    reader = engine.session.read.format("delta")
    return (reader if version is None else reader.option("versionAsOf", version)).load(engine.path(path))


def _read_parquet(engine: Engine, path: Path) -> "DataFrame":
    """Sail takes the names of partition folders for strings, where Spark and pyarrow see numbers."""
    from pyspark.sql.pandas.types import from_arrow_schema

    frame = engine.session.read.parquet(engine.path(path))
    folders = _parquet_dataset(path).partitioning.schema
    return frame.withColumns({f.name: frame[f.name].cast(f.dataType) for f in from_arrow_schema(folders)})


def write_table(
    engine: Engine,
    spec: TableSpec,
    path: Path,
    data: "DataFrame | pa.Table | pa.RecordBatchReader",
    storage_format: str,
) -> None:
    """Replace the table at `path` in one step; a failure leaves what was there. Whoever calls this is its one writer.

    Raises `LakehouseError` when the data's columns are not the declared ones, or when something else lies there.
    """
    sweep(path)
    if isinstance(data, pa.Table | pa.RecordBatchReader):
        write_arrow(spec, path, data, storage_format)
    else:
        write_frame(engine, spec, path, data, storage_format)


def write_frame(engine: Engine, spec: TableSpec, path: Path, frame: "DataFrame", storage_format: str) -> None:
    """Replace the table at `path` with the frame in one step; a failure leaves what was there.

    Raises `LakehouseError` when the columns are not the declared ones, or when something else lies at `path`.
    """
    _require_columns(spec, frame)
    if spec.partition_by:
        # Without this, n tasks x m months make n*m small files (20 s against a few at 0.7 M rows).
        frame = frame.repartition(*spec.partition_by)
    writer = frame.write.mode("overwrite").partitionBy(*spec.partition_by)
    with _target(spec, path, storage_format) as target:
        if storage_format == "delta":
            writer.format("delta").options(overwriteSchema="true", **_NEW_TABLE).save(engine.path(target))
        else:
            writer.parquet(engine.path(target))
            _keep_columns_when_empty(spec, target)


def schema_of(data: "DataFrame | pa.Table | pa.RecordBatchReader") -> StructType:
    """The columns of a frame, or those that an engine will read back from an Arrow table."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return data.schema if isinstance(data.schema, StructType) else from_arrow_schema(data.schema)


def write_arrow(spec: TableSpec, path: Path, data: pa.Table | pa.RecordBatchReader, storage_format: str) -> None:
    """As `write_frame`, for Arrow data; a reader is streamed, and what it raises comes through as raised.

    Metadata of the schema whose key begins with `NOTES` stays with the table, for `note_of`.
    """
    _require_columns(spec, data)
    reader = data.to_reader() if isinstance(data, pa.Table) else data
    by = list(spec.partition_by)
    with _target(spec, path, storage_format) as target, _original_error(reader) as watched:
        if storage_format == "delta":
            properties = None if is_delta(target) else _NEW_TABLE
            write_deltalake(
                _for_delta(target),
                watched,
                mode="overwrite",
                schema_mode="overwrite",
                partition_by=by or None,
                configuration=properties,
                commit_properties=CommitProperties(custom_metadata=_notes(reader.schema)),
            )
        else:
            hive = {"partitioning": by, "partitioning_flavor": "hive"} if by else {}
            ds.write_dataset(watched, str(target), format="parquet", preserve_order=True, filesystem=LOCAL, **hive)
            _keep_columns_when_empty(spec, target)


def note_of(path: Path, key: str) -> str | None:
    """What the writer of the table at `path` noted under `key` last; None where it did not."""
    if is_delta(path):
        return next((entry[key] for entry in DeltaTable(_for_delta(path)).history() if key in entry), None)
    return _notes(_parquet_dataset(path).schema).get(key)


def _notes(schema: pa.Schema) -> dict[str, str]:
    metadata = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    return {key: value for key, value in metadata.items() if key.startswith(NOTES)}


def _require_columns(spec: TableSpec, data: "DataFrame | pa.Table | pa.RecordBatchReader") -> None:
    found = [(field.name, field.dataType.simpleString()) for field in schema_of(data).fields]
    declared = [(field.name, field.dataType.simpleString()) for field in spec.schema.fields]
    if found != declared:
        raise LakehouseError(f"Table {spec.name} must have the columns {declared}, got {found}.")


def _keep_columns_when_empty(spec: TableSpec, folder: Path) -> None:
    """Without a row there may be no file, and without a file no table."""
    from pyspark.sql.pandas.types import to_arrow_schema

    if not table_exists(folder):
        folder.mkdir(parents=True, exist_ok=True)
        empty = to_arrow_schema(spec.schema, timezone="UTC").empty_table()
        pq.write_table(empty, str(folder / "part-00000.parquet"), filesystem=LOCAL)


@contextmanager
def _original_error(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatchReader]:
    """Raise what a source raised: delta-rs would bury its one clear line in an error of its own."""
    raised: list[Exception] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from reader
        except Exception as error:
            raised.append(error)
            raise

    try:
        yield pa.RecordBatchReader.from_batches(reader.schema, batches())
    except Exception:
        if raised:
            raise raised[0] from None
        raise


@contextmanager
def _target(spec: TableSpec, path: Path, storage_format: str) -> Iterator[Path]:
    """Where to write: an existing Delta table itself, whose log makes the commit, else a folder to swap in.

    The first version of a Delta table is swapped in too: files without a log would pass for a parquet table.
    """
    if storage_format == "delta":
        _for_delta(path)
    found = "delta" if is_delta(path) else "parquet" if table_exists(path) else None
    if found not in (None, storage_format):
        raise LakehouseError(f"{path} is a {found} table; move it away before writing {spec.name} as {storage_format}.")
    if found == "delta":
        yield path
        return
    strangers = [path] if path.is_file() else [file for file in path.rglob("*") if _is_no_part_of_a_table(file)]
    if strangers:
        raise LakehouseError(f"{spec.name} would replace {strangers[0]}, which is no part of a table; move it away.")
    with _swapped_in(path) as staging:
        yield staging


def _is_no_part_of_a_table(file: Path) -> bool:
    return file.is_file() and file.suffix != ".parquet" and not file.name.startswith(("_", "."))


@contextmanager
def _swapped_in(path: Path) -> Iterator[Path]:
    """Give a sibling folder to write to; rename it into place only if the block succeeds.

    Between the two renames nothing lies at `path`: whoever reads then, or after a crash just there, finds the
    retired folder by `_current`.
    """
    staging, retired = path.with_name(f".{plain_stem(path.name)}.{uuid.uuid4().hex}"), _retired(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield staging
        if path.exists():
            shutil.rmtree(retired, ignore_errors=True)
            path.rename(retired)
        staging.rename(path)
        shutil.rmtree(retired, ignore_errors=True)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _retired(path: Path) -> Path:
    return path.with_name(f".{plain_stem(path.name)}.old")


def _current(path: Path) -> Path:
    """The folder that holds the newest complete version of a parquet table."""
    retired = _retired(path)
    return retired if retired.exists() and not path.exists() else path


def sweep(path: Path) -> None:
    """Remove what killed writers left beside a table, and put back what one of them had moved aside.

    Whoever calls this holds the table's lock.
    """
    if _current(path) != path:
        _retired(path).rename(path)
    for leftover in path.parent.glob(f".{plain_stem(path.name)}.*"):
        shutil.rmtree(leftover, ignore_errors=True)

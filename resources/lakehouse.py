"""Tables on disk: where they lie, how they are read, and the one way they are written.

What belongs here: paths, versions, commits, locks. What doesn't: what any table means.
Every write of the platform goes through `Lakehouse.write`, because a bare `df.write` on Sail accepts a wrong
schema without a word.
"""

import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from pyspark.sql.types import StructType

from resources.errors import RecoError
from resources.session import Engine
from resources.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class LakehouseError(RecoError):
    """A table cannot be read or written; the message names it and says what to do."""


@dataclass(frozen=True)
class TableSpec:
    """What a table promises: its columns in order with their types, and the columns it is partitioned by."""

    name: str
    schema: StructType
    partition_by: tuple[str, ...] = ()


@dataclass
class Lakehouse:
    """All tables under one root, in one storage format, on one engine."""

    settings: Settings
    engine: Engine

    @property
    def root(self) -> Path:
        """The absolute path of the lakehouse."""
        return self.settings.root

    def path(self, *parts: str) -> Path:
        """An absolute path below the root; `path("silver/ratings")` is that table's folder."""
        return self.root.joinpath(*parts)

    def exists(self, name: str) -> bool:
        """Whether the table has at least one complete version."""
        return table_exists(self.path(name))

    def version(self, name: str) -> int | None:
        """The newest Delta version; None for a parquet table, which has none. Raises `LakehouseError`."""
        self._require(name)
        path = self.path(name)
        return DeltaTable(str(path)).version() if is_delta(path) else None

    def row_count(self, name: str, version: int | None = None) -> int:
        """Rows in a table, from the files' statistics: no engine job. Raises `LakehouseError`."""
        self._require(name)
        return table_row_count(self.path(name), version)

    def read(self, name: str, version: int | None = None) -> "DataFrame":
        """The table (at a Delta version) as a lazy DataFrame. Raises `LakehouseError`."""
        self._require(name)
        return read_path(self.engine, self.path(name), version)

    def dataset(self, name: str) -> ds.Dataset:
        """The table for a small look without the engine. Raises `LakehouseError`."""
        self._require(name)
        path = self.path(name)
        return DeltaTable(str(path)).to_pyarrow_dataset() if is_delta(path) else _parquet_dataset(path)

    def write(self, spec: TableSpec, data: "DataFrame | pa.Table | pa.RecordBatchReader") -> None:
        """Replace the table in one commit; a failure leaves what was there.

        Raises `LakehouseError` when the data's columns are not the declared ones.
        """
        path = self.path(spec.name)
        with self.lock(spec.name):
            if isinstance(data, pa.Table | pa.RecordBatchReader):
                self._write_arrow(spec, path, data)
            else:
                write_frame(spec, path, data, self.settings.storage_format)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the table's OS lock: one writer at a time, whichever process it is in."""
        lock_file = self.path("_locks", f"{name.replace('/', '.')}.lock")
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        with lock_file.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def require_delta(self, feature: str) -> None:
        """Raise `LakehouseError` unless the storage format has versions and MERGE."""
        if self.settings.storage_format != "delta":
            raise LakehouseError(f"{feature} needs STORAGE_FORMAT=delta; parquet tables have no versions and no MERGE.")

    def _require(self, name: str) -> None:
        if not self.exists(name):
            raise LakehouseError(
                f"Table {name} does not exist under {self.root}. "
                f"Materialize it first: dagster asset materialize -m reco_assets.definitions --select '+{name}'"
            )

    def _write_arrow(self, spec: TableSpec, path: Path, data: pa.Table | pa.RecordBatchReader) -> None:
        expected = [field.name for field in spec.schema.fields]
        if data.schema.names != expected:
            raise LakehouseError(f"Table {spec.name} must have the columns {expected}, got {data.schema.names}.")
        reader = data.to_reader() if isinstance(data, pa.Table) else data
        if self.settings.storage_format == "delta":
            with _original_error(reader) as watched:
                write_deltalake(str(path), watched, mode="overwrite", schema_mode="overwrite")
            return
        with _swapped_in(path) as staging:
            staging.mkdir(parents=True)
            with pq.ParquetWriter(staging / "part-00000.parquet", reader.schema) as writer:
                for batch in reader:
                    writer.write_batch(batch)


def is_delta(path: Path) -> bool:
    """Whether a folder is a Delta table."""
    return (path / "_delta_log").is_dir()


def table_exists(path: Path) -> bool:
    """Whether a folder holds a Delta table with a commit, or parquet files."""
    if is_delta(path):
        return DeltaTable.is_deltatable(str(path))
    return next(path.rglob("*.parquet"), None) is not None


def table_row_count(path: Path, version: int | None = None) -> int:
    """Rows of a Delta table or a folder of parquet files, from statistics and footers."""
    if not is_delta(path):
        return int(_parquet_dataset(path).count_rows())
    actions = pa.table(DeltaTable(str(path), version=version).get_add_actions(flatten=True))
    return int(sum(actions["num_records"].to_pylist())) if actions.num_rows else 0


def _parquet_dataset(path: Path) -> ds.Dataset:
    return ds.dataset(path, format="parquet", partitioning="hive", exclude_invalid_files=True)


def read_path(engine: Engine, path: Path, version: int | None = None) -> "DataFrame":
    """A Delta table or a folder of parquet files as a lazy DataFrame."""
    if not is_delta(path):
        return engine.session.read.parquet(str(path))
    reader = engine.session.read.format("delta")
    return (reader if version is None else reader.option("versionAsOf", version)).load(str(path))


def write_frame(spec: TableSpec, path: Path, frame: "DataFrame", storage_format: str) -> None:
    """Replace what is at `path` with the frame, in one commit (Delta) or one rename (parquet)."""
    found = [(field.name, field.dataType.simpleString()) for field in frame.schema.fields]
    declared = [(field.name, field.dataType.simpleString()) for field in spec.schema.fields]
    if found != declared:
        raise LakehouseError(f"Table {spec.name} must have the columns {declared}, got {found}.")
    if spec.partition_by:
        # Without this, n tasks x m months make n*m small files (20 s against a few at 0.7 M rows).
        frame = frame.repartition(*spec.partition_by)
    writer = frame.write.mode("overwrite").partitionBy(*spec.partition_by)
    if storage_format == "delta":
        if path.exists() and not is_delta(path):
            raise LakehouseError(f"{path} holds parquet files; move it away before writing {spec.name} as Delta.")
        writer.format("delta").option("overwriteSchema", "true").save(str(path))
        return
    with _swapped_in(path) as staging:
        writer.parquet(str(staging))


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
def _swapped_in(path: Path) -> Iterator[Path]:
    """Give a sibling folder to write to; rename it into place only if the block succeeds."""
    staging = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    retired = path.with_name(f".{path.name}.{uuid.uuid4().hex}.old")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield staging
        if path.exists():
            path.rename(retired)
        staging.rename(path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(retired, ignore_errors=True)


def write_text_atomically(path: Path, text: str) -> None:
    """Replace a small file so that a reader sees the old text or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with temporary.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)


def write_json(path: Path, document: Any) -> None:
    """Replace a JSON file atomically; keys keep their order."""
    write_text_atomically(path, json.dumps(document, indent=2) + "\n")

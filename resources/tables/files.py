"""One table's files: what a folder holds, and how it is read.

What belongs here: Delta and parquet folders wherever they lie. What doesn't: the platform's own tables, their
versions and locks, which `Lakehouse` knows.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyspark.sql.types import StructType

from resources.engine import Engine
from resources.errors import ForeignError, RecoError
from resources.paths.addresses import unusable
from resources.plain_errors import of_object_storage
from resources.tables.folders import current
from resources.tables.places import LOCAL, LOG, files_of, noted_uri

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

DESCRIPTION = "comment"  # of a column, in its field's metadata: the key that Spark uses


NOTES = "reco."  # of schema metadata, what stays with the table


class LakehouseError(RecoError):
    """A table cannot be read or written; the message names it and says what to do."""


class BrokenTableError(LakehouseError, ForeignError):
    """Delta can't read a table's log or version, or can't commit to it; the message is its own."""


class ObjectStorageError(LakehouseError, OSError):
    """Object storage is away, or refuses what was asked for."""


@contextmanager
def own_errors() -> Iterator[None]:
    """Raise `BrokenTableError` for what delta-rs raises, so that nobody outside of this room need know of it; and
    `ObjectStorageError` for what it and Arrow say of object storage.
    """
    try:
        yield
    except DeltaError as error:
        raise BrokenTableError(str(error)) from error
    except OSError as error:
        if told := of_object_storage(str(error)):
            raise ObjectStorageError(told) from error
        raise


@dataclass(frozen=True)
class TableSpec:
    """What a table promises: its columns in order with their types, and the columns it is partitioned by.

    `key`: the columns that tell its rows apart; empty where rows may repeat. `meanings`: what columns mean that have no
    comment of their own. `origins`: from which (table, column) each column is made, where it is made from one.
    """

    name: str
    schema: StructType
    partition_by: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    origins: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict, compare=False, repr=False)


def for_delta(path: Path) -> str:
    """Where the table at `path` lies, as delta-rs takes it. Raises `LakehouseError` where it can't."""
    if (uri := noted_uri(path)) is not None:
        return uri
    if defect := unusable(path, delta=True):
        raise LakehouseError(f"{defect}.")
    return str(path)


def for_engine(engine: Engine, path: Path) -> str:
    """Where the table at `path` lies, as the engine takes it. Raises `EngineError` where it can't."""
    uri = noted_uri(path)
    return engine.path(path) if uri is None else engine.uri(uri)


def is_delta(path: Path) -> bool:
    """Whether a folder is a Delta table, or stands for one on object storage."""
    return (path / LOG).is_dir() or noted_uri(path) is not None


@own_errors()
def table_exists(path: Path) -> bool:
    """Whether a folder holds a Delta table with a commit, or parquet files."""
    if is_delta(path):
        return DeltaTable.is_deltatable(for_delta(path))
    return next(current(path).rglob("*.parquet"), None) is not None


@own_errors()
def table_row_count(path: Path, version: int | None = None) -> int:
    """Rows of a Delta table or a folder of parquet files, from statistics and footers."""
    if not is_delta(path):
        return int(_parquet_dataset(path).count_rows())
    actions = pa.table(DeltaTable(for_delta(path), version=version).get_add_actions(flatten=True))
    return int(sum(actions["num_records"].to_pylist())) if actions.num_rows else 0


@own_errors()
def dataset_at(path: Path, version: int | None = None, encoded: Sequence[str] = ()) -> ds.Dataset:
    """A Delta table or a folder of parquet files without an engine, partition columns included.

    The columns named in `encoded` come dictionary-encoded: 20 M rows of few different words in 0.15 s and not in 0.6 s.
    """
    if is_delta(path):
        # Not delta-rs's own file system: Arrow's threads would hold Python objects, and a process that ends right
        # after reading aborts ("terminate called without an active exception", 3 times in 25 tries).
        table = DeltaTable(for_delta(path), version=version)
        made = table.to_pyarrow_dataset(filesystem=files_of(path), parquet_read_options=_reading(encoded))
        return _with_comparable_words(made, encoded)
    return _parquet_dataset(path, encoded)


def _with_comparable_words(table: ds.FileSystemDataset, encoded: Sequence[str]) -> ds.Dataset:
    """The dataset, where words that delta-rs wrote as views are read dictionary-encoded.

    Its MERGE, DELETE and UPDATE write views (1.6.6), and Arrow can't compare these with a word (25.0): every filter on
    such a column fails. The footers that are read for it are kept for the scan: 0.05 s for 300 files.
    """
    files = list(table.get_fragments())
    with ThreadPoolExecutor() as pool:  # on object storage each footer is a request
        views = list(pool.map(_views, files))
    if not any(views):
        return table
    for at, names in enumerate(views):
        if names:
            form, file = ds.ParquetFileFormat(_reading([*encoded, *names])), files[at]
            files[at] = form.make_fragment(file.path, table.filesystem, partition_expression=file.partition_expression)
    return ds.FileSystemDataset(files, table.schema, table.format, table.filesystem)


def _views(file: ds.Fragment) -> list[str]:
    try:
        schema = file.physical_schema
    except (OSError, pa.ArrowInvalid):
        return []  # it is gone or damaged: whoever reads it hears so
    return [column.name for column in schema if pa.types.is_string_view(column.type)]


def _parquet_dataset(path: Path, encoded: Sequence[str] = ()) -> ds.Dataset:
    folder = str(current(path).absolute())
    return ds.dataset(folder, format=ds.ParquetFileFormat(_reading(encoded)), partitioning="hive", filesystem=LOCAL)


def _reading(encoded: Sequence[str]) -> ds.ParquetReadOptions:
    return ds.ParquetReadOptions(dictionary_columns=list(encoded))


@own_errors()
def read_path(engine: Engine, path: Path, version: int | None = None) -> "DataFrame":
    """A Delta table or a folder of parquet files as a lazy DataFrame."""
    if not is_delta(path):
        return _read_parquet(engine, current(path))
    if version is not None and engine.name == "embedded":
        # Sail starts at the checkpoint that this file names even for a version before it, and finds a commit missing
        # (0.7.2: versions 2 to 8 of 10 with a checkpoint at 9). It is a hint: without it readers list the log.
        with suppress(OSError):  # there is none, or it may not be removed
            files_of(path).delete_file(f"{LOG}/_last_checkpoint")
    reader = engine.session.read.format("delta")
    return (reader if version is None else reader.option("versionAsOf", version)).load(for_engine(engine, path))


def _read_parquet(engine: Engine, path: Path) -> "DataFrame":
    """Sail takes the names of partition folders for strings, where Spark and pyarrow see numbers."""
    from pyspark.sql.pandas.types import from_arrow_schema

    frame = engine.session.read.parquet(engine.path(path))
    folders = _parquet_dataset(path).partitioning.schema
    return frame.withColumns({f.name: frame[f.name].cast(f.dataType) for f in from_arrow_schema(folders)})


@own_errors()
def note_of(path: Path, key: str) -> str | None:
    """What the writer of the table at `path` noted under `key` last; None where it did not."""
    if is_delta(path):
        return next((entry[key] for entry in DeltaTable(for_delta(path)).history() if key in entry), None)
    return notes_of(_parquet_dataset(path).schema).get(key)


def notes_of(schema: pa.Schema) -> dict[str, str]:
    """What a schema's metadata holds to stay with the table."""
    metadata = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    return {key: value for key, value in metadata.items() if key.startswith(NOTES)}

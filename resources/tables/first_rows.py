"""The first rows of a table, without decoding what comes after them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

READ_AT_ONCE = 1 << 20  # of a column: a page, as most writers make them


def first_rows(table: ds.Dataset, count: int, columns: Sequence[str] | None = None) -> pa.Table:
    """The first rows of a dataset of parquet files, partition columns included; all columns, or those that are named.

    `Dataset.head` decodes groups of rows of several files ahead: for five rows of a table of 4 million it takes 3 s and
    holds 450 MB, where this takes 0.07 s and 9 MB.
    """
    schema = table.schema if columns is None else pa.schema([table.schema.field(name) for name in columns])
    found: list[pa.RecordBatch] = []
    missing = count
    for batch in _batches(table, schema, count):
        found.append(batch[:missing])
        missing -= len(found[-1])
        if not missing:
            break
    return pa.Table.from_batches(found, schema)


def _batches(table: ds.Dataset, schema: pa.Schema, rows: int) -> Iterator[pa.RecordBatch]:
    for fragment in table.get_fragments():
        folders = ds.get_partition_keys(fragment.partition_expression)
        with fragment.open() as source, pq.ParquetFile(source, buffer_size=READ_AT_ONCE, pre_buffer=False) as file:
            own = [name for name in schema.names if name in file.schema_arrow.names]
            for batch in file.iter_batches(rows, columns=own):
                yield _as_declared(batch, folders, schema)


def _as_declared(rows: pa.RecordBatch, folders: Mapping[str, Any], schema: pa.Schema) -> pa.RecordBatch:
    """With the columns that the names of folders say, and nulls in those that the file was written without."""
    columns = [
        rows[field.name].cast(field.type)
        if field.name in rows.schema.names
        else pa.repeat(pa.scalar(folders.get(field.name), field.type), len(rows))
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)

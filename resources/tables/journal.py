"""A Delta table that many processes add a few rows to, that is read by time, and cut at its old end."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pac
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError
from pyspark.sql.pandas.types import to_arrow_schema

from resources.tables.appends import make_table
from resources.tables.files import TableSpec, for_delta, own_errors
from resources.tables.lakehouse import Lakehouse
from resources.tables.writing import require_declared

TAKEN_TOGETHER = 100  # commits: a run a minute would leave 10,000 small files until the weekly maintenance


@own_errors()
def append_rows(lakehouse: Lakehouse, spec: TableSpec, rows: pa.Table) -> None:
    """Append rows in one commit, and take small files together now and then. Without a table one is made.

    Raises `LakehouseError` when the columns are not the declared ones or the storage format is not delta, `LockError`.
    """
    lakehouse.require_delta(f"Appending to {spec.name}")
    require_declared(spec, rows)
    path = lakehouse.path(spec.name)
    with lakehouse.lock(spec.name):
        if not lakehouse.exists(spec.name):
            make_table(lakehouse, spec, rows)
            return
        table = DeltaTable(for_delta(path))
        write_deltalake(table, rows, mode="append")
        if table.version() % TAKEN_TOGETHER == 0:
            _take_together(path)


def rows_since(
    lakehouse: Lakehouse, spec: TableSpec, column: str, moment: datetime, columns: Sequence[str] | None = None
) -> pa.Table:
    """The rows whose time in a column is not before a moment, oldest first; none where there is no table.

    Raises `LakehouseError`.
    """
    if not lakehouse.exists(spec.name):
        return to_arrow_schema(spec.schema, timezone="UTC").empty_table().select(columns or spec.schema.names)
    found = lakehouse.dataset(spec.name).to_table(columns=columns, filter=pac.field(column) >= moment)
    return found.sort_by(column)


@own_errors()
def remove_before(lakehouse: Lakehouse, name: str, column: str, moment: datetime) -> int:
    """Remove the rows whose time in a column is before a moment, in one commit; how many they were.

    Raises `LakehouseError`.
    """
    with lakehouse.lock(name):
        dataset = lakehouse.dataset(name)
        old = int(dataset.count_rows(filter=pac.field(column) < moment))
        if old:
            DeltaTable(for_delta(lakehouse.path(name))).delete(f"{column} < '{moment.isoformat()}'")
        return old


def _take_together(path: Path) -> None:
    with suppress(CommitFailedError):  # somebody wrote beside the lock: maintenance does it later
        DeltaTable(for_delta(path)).optimize.compact()

"""Adding rows that a table does not hold yet, and what the table's log remembers of it. Delta tables only.

A commit may carry a transaction id: a word that the log keeps, by which a later run sees that the commit was made.
Ids outlive an overwrite or a restore of the table, after which their rows may be gone: so whoever uses them puts the
table's epoch into them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from resources.lakehouse import Lakehouse
from resources.table_files import LakehouseError, TableSpec, schema_of

# Commits that keep every row. One that is missing here costs its users a replay, no more.
_KEEPS_ROWS = {"MERGE", "SET TBLPROPERTIES", "OPTIMIZE", "VACUUM START", "VACUUM END", "ADD CONSTRAINT"}


@dataclass(frozen=True)
class TableLog:
    """What a table's log says of its newest version."""

    _table: DeltaTable

    @property
    def table_id(self) -> str:
        """What tells the table from a later one of its name: with a version, it names one state for good."""
        return str(self._table.metadata().id)

    @property
    def version(self) -> int:
        """The version that this log was read at."""
        return int(self._table.version())

    @property
    def epoch(self) -> int:
        """The version since which no row went away, as far back as the history is kept."""
        history = self._table.history()
        lost = (commit["version"] for commit in history if not _keeps_rows(commit))
        return int(next(lost, history[-1]["version"]))

    def property_of(self, key: str) -> str | None:
        """A property of the table; None where it is not set. It outlives an overwrite of the rows."""
        value: str | None = self._table.metadata().configuration.get(key)
        return value

    def has(self, transaction: str) -> bool:
        """Whether a commit carried the transaction, in this epoch or an earlier one."""
        return self._table.transaction_version(transaction) is not None


def read_log(lakehouse: Lakehouse, name: str) -> TableLog:
    """The table's log. Raises `LakehouseError` when there is no such table, or none with a log."""
    return TableLog(_open(lakehouse, name))


def insert_new(
    lakehouse: Lakehouse, spec: TableSpec, rows: pa.Table, keys: Sequence[str], transaction: str | None = None
) -> int:
    """Append, in one commit, the rows (distinct by `keys`) whose keys the table does not hold; returns how many.

    The commit carries the transaction, also when there was nothing to append. Raises `LakehouseError` when the
    columns are not the declared ones or there is no such table.

    It reads the keys of those row groups that can hold one of the rows' values of the first key: 1,000 rows into
    16 M take 0.3 s and 0.3 GB, where delta-rs's MERGE took 1 to 3 s and 0.9 GB.
    """
    if schema_of(rows) != spec.schema:
        found, declared = schema_of(rows).simpleString(), spec.schema.simpleString()
        raise LakehouseError(f"Table {spec.name} must have the columns {declared}, got {found}.")
    with lakehouse.lock(spec.name):
        table = _open(lakehouse, spec.name)
        fresh = _without_held(lakehouse, spec.name, rows, list(keys))
        if fresh.num_rows:
            write_deltalake(table, fresh, mode="append", commit_properties=_carrying(transaction))
        elif transaction is not None:
            record(lakehouse, spec.name, transaction)
    return int(fresh.num_rows)


def record(
    lakehouse: Lakehouse, name: str, transaction: str | None, properties: Mapping[str, str] | None = None
) -> None:
    """Commit a transaction and properties of the table, whose names are free, without a row."""
    with lakehouse.lock(name):
        _open(lakehouse, name).alter.set_table_properties(
            dict(properties or {}), raise_if_not_exists=False, commit_properties=_carrying(transaction)
        )


def _without_held(lakehouse: Lakehouse, name: str, rows: pa.Table, keys: list[str]) -> pa.Table:
    if not rows.num_rows:
        return rows
    # Arrow's own memory, as `unique` makes it: a filter over numpy's can abort a process that ends right after.
    near = pc.field(keys[0]).isin(pc.unique(rows[keys[0]]))
    held = lakehouse.dataset(name).to_table(columns=keys, filter=near)
    return rows.join(held, keys=keys, join_type="left anti").select(rows.column_names)


def _keeps_rows(commit: Mapping[str, Any]) -> bool:
    appends = commit.get("operationParameters", {}).get("mode") == "Append"
    return commit.get("operation") in _KEEPS_ROWS or (commit.get("operation") == "WRITE" and appends)


def _carrying(transaction: str | None) -> CommitProperties | None:
    return None if transaction is None else CommitProperties(app_transactions=[Transaction(transaction, 1)])


def _open(lakehouse: Lakehouse, name: str) -> DeltaTable:
    if lakehouse.version(name) is None:  # raises where there is no table at all
        raise LakehouseError(f"{lakehouse.path(name)} is a parquet table, which has no log; use STORAGE_FORMAT=delta.")
    return DeltaTable(str(lakehouse.path(name)))

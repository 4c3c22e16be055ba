"""Rows that come from streams of messages, and how far each stream was read, in one commit: none is lost or doubled.

A stream is a word that names it for good. Its position is a number of the log, a Delta application transaction: what
comes next in it. Whoever reads from a position and appends up to a later one does so once: of two writers that began at
the same version of the table, Delta refuses the second, also where no lock of ours keeps them apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError
from pyspark.sql.pandas.types import to_arrow_schema

from resources.tables.appends import flush_newest_commit, make_table
from resources.tables.files import LakehouseError, TableSpec, own_errors
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import open_table
from resources.tables.writing import require_declared

# Carried by every commit, so that two at once conflict also where they are of different streams: what either found
# in the table before it wrote would not be so any more.
_ANY = "reco.positions"


class OvertakenError(LakehouseError):
    """Another writer has appended since the positions were read: read them anew and go on from there."""


@dataclass(frozen=True)
class Positions:
    """How far streams were read into a table, as of one version of it."""

    _table: DeltaTable

    def of(self, stream: str) -> int | None:
        """What comes next in the stream; None where nothing of it was read yet."""
        position = self._table.transaction_version(stream)
        return None if position is None else int(position)

    @own_errors()
    def newest(self, column: str) -> str | None:
        """The highest value of a column that the table is partitioned by, as text; None where there is no row."""
        return max((str(values[column]) for values in self._table.partitions()), default=None)


@own_errors()
def read_positions(lakehouse: Lakehouse, spec: TableSpec) -> Positions:
    """The positions that the table holds; where there is none it is made, as Delta whatever STORAGE_FORMAT says.

    Whoever keeps a lock until `append_from` is done is not overtaken.
    """
    with lakehouse.lock(spec.name):
        if not lakehouse.exists(spec.name):
            make_table(lakehouse, spec, to_arrow_schema(spec.schema, timezone="UTC").empty_table())
        return Positions(open_table(lakehouse, spec.name))


@own_errors()
def append_from(
    lakehouse: Lakehouse, spec: TableSpec, positions: Positions, rows: pa.Table, reached: Mapping[str, int]
) -> None:
    """Append rows and move streams on, in one commit that is on disk when this returns.

    Args:
        lakehouse: Where the table is.
        spec: The table.
        positions: Those that the rows were read from.
        rows: What is appended, with the declared columns; it may be empty.
        reached: What comes next in each stream from now on.

    Raises:
        OvertakenError: Another writer has appended since; nothing was appended.
        LakehouseError: The columns are not the declared ones.
    """
    require_declared(spec, rows)
    turn = Transaction(_ANY, positions._table.version() + 1)
    carried = [turn, *(Transaction(stream, position) for stream, position in reached.items())]
    try:
        write_deltalake(
            positions._table,
            rows,
            mode="append",
            partition_by=list(spec.partition_by) or None,
            commit_properties=CommitProperties(app_transactions=carried),
        )
    except CommitFailedError as error:
        raise OvertakenError(f"{spec.name} was written to by somebody else meanwhile ({error}).") from None
    flush_newest_commit(lakehouse.path(spec.name))

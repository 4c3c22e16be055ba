"""Tables as Dagit shows them: cells are values, so nothing in a cell can break its table."""

from collections.abc import Iterable, Sequence

import dagster as dg

Cell = str | int | float | bool | None


def shown_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> dg.TableMetadataValue:
    """Build the metadata value of a table with these columns; each row has a cell per column."""
    records = [dg.TableRecord(dict(zip(columns, row, strict=True))) for row in rows]
    return dg.MetadataValue.table(records, dg.TableSchema([dg.TableColumn(name) for name in columns]))

"""Tables as Dagit shows them: cells are values, so nothing in a cell can break its table."""

from collections.abc import Iterable, Sequence

import dagster as dg

Cell = str | int | float | bool | None
_TYPES = {str: "string", int: "int", float: "float", bool: "bool"}


def shown_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> dg.TableMetadataValue:
    """Build the metadata value of a table with these columns; each row has a cell per column."""
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    typed = [dg.TableColumn(name, _type_of(record[name] for record in records)) for name in columns]
    return dg.MetadataValue.table([dg.TableRecord(record) for record in records], dg.TableSchema(typed))


def _type_of(cells: Iterable[Cell]) -> str:
    return next((_TYPES[type(cell)] for cell in cells if cell is not None), "string")

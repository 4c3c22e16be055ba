"""The IO manager: assets take and return DataFrames, this reads and writes their tables.

It attaches what a person looks for in Dagit: row count, columns, a preview, the path, and the Delta version,
which is also the asset's data version.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from resources.plain_text import printable
from resources.shown_tables import shown_table
from resources.tables.files import DESCRIPTION, TableSpec
from resources.tables.lakehouse import Lakehouse
from resources.tables.writing import schema_of

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

PREVIEW_ROWS = 5
PREVIEW_WIDTH = 60


class LakehouseIOManager(dg.IOManager):
    """Maps the asset key `layer/table` to the table of that name."""

    def __init__(self, lakehouse: Lakehouse, tables: Mapping[str, TableSpec]) -> None:
        self._lakehouse = lakehouse
        self._tables = tables

    def handle_output(self, context: dg.OutputContext, obj: "DataFrame | pa.Table | pa.RecordBatchReader") -> None:
        """Write the table and describe it. Raises `LakehouseError` on columns that were not declared."""
        name = context.asset_key.to_user_string()
        # Bronze declares nothing: its columns are those of the files.
        spec = self._tables.get(name) or TableSpec(name, schema_of(obj))
        self._lakehouse.write(spec, obj)
        version = self._lakehouse.version(spec.name)
        if version is not None:
            context.step_context.set_data_version(context.asset_key, dg.DataVersion(str(version)))
        context.add_output_metadata(table_metadata(self._lakehouse, spec))

    def load_input(self, context: dg.InputContext) -> "DataFrame":
        """The upstream table as a lazy DataFrame. Raises `LakehouseError` when it was never written."""
        return self._lakehouse.read(context.asset_key.to_user_string())


def table_metadata(lakehouse: Lakehouse, spec: TableSpec) -> dict[str, Any]:
    """What Dagit shows on a materialisation of the table."""
    columns = [
        dg.TableColumn(field.name, field.dataType.simpleString(), field.metadata.get(DESCRIPTION))
        for field in spec.schema.fields
    ]
    metadata: dict[str, Any] = {
        "dagster/row_count": lakehouse.row_count(spec.name),
        "dagster/column_schema": dg.TableSchema(columns),
        "dagster/table_name": spec.name,
        "dagster/uri": str(lakehouse.path(spec.name)),
        "preview": _preview(lakehouse, spec.name),
    }
    version = lakehouse.version(spec.name)
    return metadata if version is None else metadata | {"delta_version": version}


def _preview(lakehouse: Lakehouse, table: str) -> dg.TableMetadataValue:
    rows = lakehouse.dataset(table).head(PREVIEW_ROWS)
    return shown_table(rows.column_names, [[_cell(value) for value in row.values()] for row in rows.to_pylist()])


def _cell(value: Any) -> str:
    text = printable(str(value))
    return text if len(text) <= PREVIEW_WIDTH else f"{text[: PREVIEW_WIDTH - 1]}…"

"""The IO managers: what one asset returns and the next one takes, as tables and as versions of models.

To a table's materialisation they attach what a person looks for in Dagit: row count, columns, a preview, the path, and
the Delta version, which is also the asset's data version.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from resources.documents import DocumentError, read_document
from resources.files import write_json
from resources.orchestrator.shown_tables import shown_table
from resources.paths.identifiers import Identifier
from resources.tables.files import DESCRIPTION, LakehouseError, TableSpec
from resources.tables.first_rows import first_rows
from resources.tables.lakehouse import Lakehouse
from resources.tables.writing import schema_of
from resources.text.plain_text import printable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

COLUMN_SCHEMA = "dagster/column_schema"
PREVIEW_ROWS = 5
PREVIEW_WIDTH = 60
RUNS_KEPT = 100
LOCK = "gold/_versions"


Preview = Callable[[Lakehouse, "pa.Table"], "pa.Table"]
"""Makes of a table's first rows, of which there is one at least, those that a person is shown."""


class LakehouseIOManager(dg.IOManager):
    """Maps the asset key `layer/table` to the table of that name; `previews` are those of tables by name."""

    def __init__(
        self, lakehouse: Lakehouse, tables: Mapping[str, TableSpec], previews: Mapping[str, Preview] | None = None
    ) -> None:
        self._lakehouse = lakehouse
        self._tables = tables
        self._previews = previews or {}

    def handle_output(self, context: dg.OutputContext, obj: "DataFrame | pa.Table | pa.RecordBatchReader") -> None:
        """Write the table and describe it. Raises `LakehouseError` on columns that were not declared."""
        name = context.asset_key.to_user_string()
        declared = self._tables.get(name)
        spec = declared or TableSpec(name, schema_of(obj))
        self._lakehouse.write(spec, obj)
        version = self._lakehouse.version(spec.name)
        if version is not None:
            context.step_context.set_data_version(context.asset_key, dg.DataVersion(str(version)))
        # Of a declared table the asset's definition has the columns, as they are known before it is written.
        columns = {} if declared else {COLUMN_SCHEMA: column_schema(spec, Promises())}
        context.add_output_metadata(table_metadata(self._lakehouse, spec, self._previews.get(name)) | columns)

    def load_input(self, context: dg.InputContext) -> "DataFrame":
        """The upstream table as a lazy DataFrame. Raises `LakehouseError` when it was never written."""
        return self._lakehouse.read(context.asset_key.to_user_string())


def table_metadata(lakehouse: Lakehouse, spec: TableSpec, preview: Preview | None = None) -> dict[str, Any]:
    """What Dagit shows on a materialisation of the table."""
    metadata: dict[str, Any] = {
        "dagster/row_count": lakehouse.row_count(spec.name),
        "dagster/table_name": spec.name,
        "dagster/uri": lakehouse.address(spec.name),
        "preview": _preview(lakehouse, spec.name, preview),
    }
    if spec.origins:
        metadata["dagster/column_lineage"] = _lineage(spec)
    metadata |= where_jobs_are_shown(lakehouse)
    version = lakehouse.version(spec.name)
    return metadata if version is None else metadata | {"delta_version": version}


@dataclass(frozen=True)
class Promises:
    """What holds of a table's rows beside the types of its columns: those without nulls, and rules in words, by the
    column that they are about or of several columns.
    """

    without_nulls: Collection[str] = ()
    of_columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    of_several: Sequence[str] = ()


def column_schema(spec: TableSpec, promises: Promises) -> dg.TableSchema:
    """Each column with its type, what it means and what is promised of it."""
    columns = [
        dg.TableColumn(
            field.name,
            field.dataType.simpleString(),
            field.metadata.get(DESCRIPTION) or spec.meanings.get(field.name),
            dg.TableColumnConstraints(
                nullable=field.name not in promises.without_nulls,
                unique=spec.key == (field.name,),
                other=list(promises.of_columns.get(field.name, ())),
            ),
        )
        for field in spec.schema.fields
    ]
    key = [f"{', '.join(spec.key)}: unique together"] if len(spec.key) > 1 else []
    return dg.TableSchema(columns, dg.TableConstraints(other=[*key, *promises.of_several]))


def _lineage(spec: TableSpec) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(dg.AssetKey(table.split("/")), above) for table, above in origins]
            for column, origins in spec.origins.items()
        }
    )


def where_jobs_are_shown(lakehouse: Lakehouse) -> dict[str, Any]:
    """The address of Spark's pages, while the run lasts; nothing on the embedded engine."""
    pages = lakehouse.engine.pages
    return {"spark_pages": dg.MetadataValue.url(pages)} if pages else {}


def _preview(lakehouse: Lakehouse, table: str, preview: Preview | None) -> dg.TableMetadataValue:
    rows = first_rows(lakehouse.dataset(table), PREVIEW_ROWS)
    if preview and rows.num_rows:
        rows = preview(lakehouse, rows)
    return shown_table(rows.column_names, [[_cell(value) for value in row.values()] for row in rows.to_pylist()])


def _cell(value: Any) -> str:
    text = printable(str(value))
    return text if len(text) <= PREVIEW_WIDTH else f"{text[: PREVIEW_WIDTH - 1]}…"


@dataclass(frozen=True)
class _Handed:
    """A version, and by run the one that each recent run made."""

    version: Identifier
    runs: dict[str, Identifier] = field(default_factory=dict)


class VersionIOManager(dg.IOManager):
    """Keeps the string an asset returns in `gold/_versions/<asset>.json`: what it was last, and in each recent run.

    Runs that train at the same time go on with their own version each.
    """

    def __init__(self, lakehouse: Lakehouse) -> None:
        self._lakehouse = lakehouse

    def handle_output(self, context: dg.OutputContext, obj: str) -> None:
        """Remember the version."""
        context.step_context.set_data_version(context.asset_key, dg.DataVersion(obj))
        context.add_output_metadata(where_jobs_are_shown(self._lakehouse))
        path = self._path(context.asset_key)
        with self._lakehouse.lock(LOCK):
            known = _read_handed(path)
            runs = {**(known.runs if known else {}), context.run_id: obj}
            write_json(path, {"version": obj, "runs": dict(list(runs.items())[-RUNS_KEPT:])})

    def load_input(self, context: dg.InputContext) -> str:
        """The version that the asset returned in this run or, if it wasn't made in it, in the run that this one
        repeats, or else last. Raises `LakehouseError` when it never was.
        """
        known = _read_handed(self._path(context.asset_key))
        if known is None:
            raise LakehouseError(
                f"Asset {context.asset_key.to_user_string()} was never materialized. Run: reco train, with --model for "
                "another family than als."
            )
        run, runs = context.step_context.dagster_run, known.runs
        repeated = (run.run_id, *(run.tags.get(tag) for tag in ("dagster/parent_run_id", "dagster/root_run_id")))
        return str(next((runs[run_id] for run_id in repeated if run_id in runs), known.version))

    def _path(self, key: dg.AssetKey) -> Path:
        return self._lakehouse.path("gold", "_versions", f"{key.path[-1]}.json")


def _read_handed(path: Path) -> _Handed | None:
    """The file's content; None where there is none. Raises `LakehouseError`."""
    try:
        return read_document(path, _Handed)
    except FileNotFoundError:
        return None
    except DocumentError as error:
        raise LakehouseError(f"{error}. Remove the file and train again: reco train.") from None

"""The table ops/runs: stages are added to it, read, and forgotten."""

from collections.abc import Iterable
from datetime import datetime

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.measured_tables import RUNS
from reco_assets.ops.stage import Stage, stage_of
from resources.tables.journal import append_rows, remove_before, rows_since
from resources.tables.lakehouse import Lakehouse

_TIME = "started_ts"


def note_stages(lakehouse: Lakehouse, stages: Iterable[Stage]) -> None:
    """Add stages in one commit. Raises `LakehouseError`, `LockError`."""
    rows = [stage.row() for stage in stages]
    if rows:
        append_rows(lakehouse, RUNS, pa.Table.from_pylist(rows, to_arrow_schema(RUNS.schema, timezone="UTC")))


def stages_since(lakehouse: Lakehouse, moment: datetime) -> list[Stage]:
    """The stages that began at a moment or later, oldest first. Raises `LakehouseError`."""
    return [stage_of(row) for row in rows_since(lakehouse, RUNS, _TIME, moment).to_pylist()]


def forget_stages(lakehouse: Lakehouse, before: datetime) -> int:
    """Remove the stages that began before a moment; how many they were. Raises `LakehouseError`."""
    return remove_before(lakehouse, RUNS.name, _TIME, before) if lakehouse.exists(RUNS.name) else 0

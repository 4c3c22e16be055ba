"""Raw rows in, plain Python rows out: what every test of the silver layer needs."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import from_arrow_schema

Row = Sequence[str | None]


@pytest.fixture(scope="session")
def bronze(spark: Any) -> Callable[..., Any]:
    """Make a bronze table of text fields; row i is line i + 2 of one file unless lines and sources say otherwise."""

    def make(
        columns: Sequence[str],
        rows: Sequence[Row],
        *,
        lines: Sequence[int] | None = None,
        sources: Sequence[str] | None = None,
    ) -> Any:
        fields = {name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate(columns)}
        fields["_line"] = pa.array(lines or range(2, len(rows) + 2), pa.int64())
        fields["_source_file"] = pa.array(sources or ["file.csv"] * len(rows), pa.string())
        fields["_loaded_ts"] = pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * len(rows), pa.timestamp("us", tz="UTC"))
        table = pa.table(fields)
        return spark.createDataFrame(table if rows else [], schema=from_arrow_schema(table.schema))

    return make


@pytest.fixture(scope="session")
def rows_of() -> Callable[[Any], list[dict[str, Any]]]:
    """A frame's rows as dicts, times in UTC."""
    return lambda frame: frame.toArrow().to_pylist()

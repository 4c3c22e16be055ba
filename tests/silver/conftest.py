"""Raw rows in, plain Python rows out: what every test of the silver layer needs."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from reco_assets.silver.quarantine import Cleaned
from reco_assets.silver.ratings import clean_rating_frame, clean_ratings
from reco_assets.sources.layout import RawForm
from reco_assets.sources.raw_forms import raw_schema
from reco_assets.sources.typed import typed
from resources.engine import Engine

Row = Sequence[str | None]


@pytest.fixture(scope="session")
def raw() -> Callable[..., pa.Table]:
    """Make a raw table of the fields of lines; row i is line i + 2 of one file unless told otherwise."""

    def make(
        form: RawForm,
        rows: Sequence[Row],
        *,
        lines: Sequence[int] | None = None,
        sources: Sequence[str] | None = None,
    ) -> pa.Table:
        fields = {name: pa.array([row[at] or None for row in rows], pa.string()) for at, name in enumerate(form.fields)}
        lines = lines or range(2, len(rows) + 2)
        place = {
            "_line": pa.array(lines, pa.int64()),
            "_source_file": pa.array(sources or ["file.csv"] * len(rows), pa.string()),
        }
        made, schema = {**typed(fields, form), **place}, raw_schema(form)
        return pa.table([made.get(f.name, pa.nulls(len(rows), f.type)) for f in schema], schema=schema)

    return make


@pytest.fixture(scope="session")
def cleaned_ratings(engine: Engine) -> Callable[[pa.Table, RawForm, datetime], Cleaned]:
    """Clean raw ratings as the engine does: in memory, or as a frame."""

    def clean(rows: pa.Table, form: RawForm, now: datetime) -> Cleaned:
        if engine.name == "spark":
            return clean_rating_frame(engine.session.createDataFrame(rows), form, now)
        return clean_ratings(rows, form, now)

    return clean


@pytest.fixture(scope="session")
def rows_of() -> Callable[[Any], list[dict[str, Any]]]:
    """The rows of a table, or of a frame, as dicts, times in UTC."""

    def rows(table: Any) -> list[dict[str, Any]]:
        if isinstance(table, pa.RecordBatchReader):
            table = table.read_all()
        found: list[dict[str, Any]] = (table if isinstance(table, pa.Table) else table.toArrow()).to_pylist()
        return found

    return rows

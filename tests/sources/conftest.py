"""Reading a raw table in a test."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from reco_assets.sources.raw_forms import raw_form_of, raw_schema
from reco_assets.sources.source import LINE, LOADED_TS, SOURCE_FILE, RawTable
from reco_assets.sources.typed import text_of

Rows = list[dict[str, Any]]


@pytest.fixture
def rows_of() -> Callable[[RawTable], Rows]:
    """All rows of a raw table as the source's columns and text, which typed values and kept lines give again.

    Empty fields are None. Each batch is checked against the declared schema.
    """

    def read(table: RawTable) -> Rows:
        rows: Rows = []
        names = dict(zip(table.columns.fields, table.columns.names, strict=True))
        for batch in table.batches():
            form = raw_form_of(batch.schema, "the table")
            assert batch.schema.equals(raw_schema(form), check_metadata=True)
            text = {names[what]: values for what, values in text_of(batch, form).items()}
            rows += pa.table(text | {name: batch[name] for name in (LINE, SOURCE_FILE, LOADED_TS)}).to_pylist()
        return rows

    return read

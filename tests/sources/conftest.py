"""Reading a raw table in a test."""

from collections.abc import Callable
from typing import Any

import pytest

from reco_assets.sources.source import RawTable

Rows = list[dict[str, Any]]


@pytest.fixture
def rows_of() -> Callable[[RawTable], Rows]:
    """All rows of a raw table as dictionaries, after checking each batch against the declared schema."""

    def read(table: RawTable) -> Rows:
        rows: Rows = []
        for batch in table.batches():
            assert batch.schema == table.schema
            rows += batch.to_pylist()
        return rows

    return read

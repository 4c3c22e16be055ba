"""The Delta table models/metrics: what versions came to in each slice of the test ratings they were judged on."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.measured_tables import MODEL_METRICS
from reco_assets.tables import TEST_RATINGS
from resources.tables.lakehouse import Lakehouse


def write_metrics(lakehouse: Lakehouse, documents: Iterable[Mapping[str, Any]]) -> None:
    """Put the rows of judgements in, in place of those of the same versions on the same test ratings; others stay."""
    rows = [row for document in documents for row in _rows(document)]
    with lakehouse.lock(MODEL_METRICS.name):
        lakehouse.write(MODEL_METRICS, _table([*_others(lakehouse, {_judgement(row) for row in rows}), *rows]))


def _rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    judged = {
        "judged_version": document["model_version"],
        "test_version": document["inputs"][TEST_RATINGS.name],
        "judged_ts": datetime.fromisoformat(document["execution_ts"]),
    }
    return [{**judged, **row} for row in document["slices"]["figures"]]


def _judgement(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["judged_version"], row["test_version"]


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, to_arrow_schema(MODEL_METRICS.schema, timezone="UTC"))


def _others(lakehouse: Lakehouse, judged: Collection[tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    """The rows of other judgements, about a hundred of each."""
    if lakehouse.exists(MODEL_METRICS.name):
        rows = lakehouse.dataset(MODEL_METRICS.name).to_table().to_pylist()
        yield from (row for row in rows if _judgement(row) not in judged)

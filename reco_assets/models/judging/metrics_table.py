"""The Delta table models/metrics: what versions came to in each slice of the test ratings they were judged on."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pac
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.tables import MODEL_METRICS, TEST_RATINGS
from resources.tables.lakehouse import Lakehouse

_JUDGEMENT = ("judged_version", "test_version")


def write_metrics(lakehouse: Lakehouse, document: Mapping[str, Any]) -> None:
    """Put a judgement's rows in, in place of those of the same version on the same test ratings; others stay."""
    judged = {
        "judged_version": document["model_version"],
        "test_version": document["inputs"][TEST_RATINGS.name],
        "judged_ts": pa.scalar(document["execution_ts"]).cast(pa.timestamp("us", tz="UTC")).as_py(),
    }
    rows = [{**judged, **row} for row in document["slices"]["figures"]]
    with lakehouse.lock(MODEL_METRICS.name):
        lakehouse.write(MODEL_METRICS, pa.concat_tables([*_others(lakehouse, judged), _table(rows)]))


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, to_arrow_schema(MODEL_METRICS.schema, timezone="UTC"))


def _others(lakehouse: Lakehouse, judged: Mapping[str, Any]) -> Iterator[pa.Table]:
    if lakehouse.exists(MODEL_METRICS.name):
        rows = lakehouse.dataset(MODEL_METRICS.name).to_table()
        same = [pac.equal(rows[name], pa.scalar(judged[name], rows[name].type)) for name in _JUDGEMENT]
        yield rows.filter(pac.invert(pac.fill_null(pac.and_(*same), fill_value=False))).cast(_table([]).schema)

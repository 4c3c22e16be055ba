"""Bronze assets: `ratings`, `movies` and `tags` as the source has them; nothing dropped, nothing changed."""

from typing import Any

import dagster as dg
import pyarrow as pa

from reco_assets.owners import OWNERS
from reco_assets.sources.choose import choose_source
from reco_assets.sources.source import RawTable
from resources.lakehouse import Lakehouse

_ASSET: dict[str, Any] = {"group_name": "bronze", "key_prefix": "bronze", "owners": OWNERS, "kinds": {"delta", "csv"}}


@dg.asset(name="ratings", **_ASSET)
def bronze_ratings(context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]) -> pa.RecordBatchReader:
    """Raw ratings as text, each row with its file, its line and when it was loaded."""
    source = choose_source(lakehouse.settings)
    context.add_output_metadata({"source": source.name, "files": [str(path) for path in source.files]})
    return _reader(source.ratings)


@dg.asset(name="movies", **_ASSET)
def bronze_movies(lakehouse: dg.ResourceParam[Lakehouse]) -> pa.RecordBatchReader:
    """Raw movies as text; empty where the source names none."""
    return _reader(choose_source(lakehouse.settings).movies)


@dg.asset(name="tags", **_ASSET)
def bronze_tags(lakehouse: dg.ResourceParam[Lakehouse]) -> pa.RecordBatchReader:
    """Raw tags as text; empty where the source has none."""
    return _reader(choose_source(lakehouse.settings).tags)


def _reader(table: RawTable) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(table.schema, table.batches())

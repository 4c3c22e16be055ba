"""Bronze assets: `ratings`, `movies` and `tags` as the source has them; nothing dropped, nothing changed."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow as pa

from reco_assets.owners import OWNERS
from reco_assets.sources.choose import choose_source
from reco_assets.sources.source import RawTable
from resources.lakehouse import Lakehouse

_DESCRIPTIONS = {
    "ratings": "Raw ratings as text, each row with its file, its line and when it was loaded.",
    "movies": "Raw movies as text; empty where the source names none.",
    "tags": "Raw tags as text; empty where the source has none.",
}


def _out(description: str) -> dg.AssetOut:
    return dg.AssetOut(
        key_prefix="bronze",
        group_name="bronze",
        description=description,
        owners=OWNERS,
        kinds={"delta"},
        is_required=False,
    )


@dg.multi_asset(outs={name: _out(text) for name, text in _DESCRIPTIONS.items()}, can_subset=True)
def bronze(context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]) -> Iterator[dg.Output]:
    """Load the source's files.

    One step for all three, so that a refused file leaves every table as it was: movies and tags, which are small,
    are read whole before ratings, which are streamed, replace anything.
    """
    source = choose_source(lakehouse.settings)
    tables = {"ratings": source.ratings, "movies": source.movies, "tags": source.tags}
    wanted = [name for name in tables if dg.AssetKey(["bronze", name]) in context.selected_asset_keys]
    whole = {name: _reader(tables[name]).read_all() for name in wanted if name != "ratings"}
    metadata: dict[str, Any] = {"source": source.name, "files": [str(path) for path in source.files]}
    for name in wanted:
        yield dg.Output(whole[name] if name in whole else _reader(tables[name]), output_name=name, metadata=metadata)


def _reader(table: RawTable) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(table.schema, table.batches())

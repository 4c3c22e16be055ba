"""Gold assets: what the champion recommends, which movies it finds alike, and which ones people turn to now."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pyarrow as pa

from reco_assets.gold.recommendations import recommendation_rows, similar_rows
from reco_assets.gold.trending import COLUMNS, newest_of, trending_rows
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.inputs import read_ratings
from reco_assets.models.ratings import Ratings
from reco_assets.models.serving import load_champion, serving_store
from reco_assets.tables import EVENTS_LOG, OWNERS, SPLITS
from resources.tables.lakehouse import Lakehouse

_GOLD: dict[str, Any] = {"key_prefix": "gold", "group_name": "gold", "owners": OWNERS, "kinds": {"delta"}}
_ASSET: dict[str, Any] = {
    **_GOLD,
    "deps": [["models", f"{SERVING_FAMILY.name}_champion"], *(["silver", spec.name.split("/")[1]] for spec in SPLITS)],
}


@dg.asset(**_ASSET)
def recommendations_als(context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]) -> pa.Table:
    """The champion's best TOP_N movies for every user who ever rated, without those the user has rated."""
    version, champion = load_champion(serving_store(lakehouse.settings))
    # All sides together, because streamed ratings are in train and test but not in silver/ratings.
    rated = Ratings.concat([read_ratings(lakehouse, spec.name) for spec in SPLITS])
    top_n = lakehouse.settings.serving.top_n
    rows = recommendation_rows(champion, rated, top_n, version, datetime.now(UTC))
    context.add_output_metadata({"model_version": version, "users": rows.num_rows, "top_n": top_n})
    return rows


@dg.asset(**_ASSET)
def similar_movies(context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]) -> pa.Table:
    """For every movie the champion knows, the TOP_N nearest by the direction of their ranking factors."""
    version, champion = load_champion(serving_store(lakehouse.settings))
    context.add_output_metadata({"model_version": version})
    return similar_rows(champion, lakehouse.settings.serving.top_n, version, datetime.now(UTC))


@dg.asset(**_GOLD, deps=[["events", "log"]])
def trending(context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]) -> pa.Table:
    """Every movie by its views, clicks and ratings, of which one counts half after TRENDING_HALF_LIFE_DAYS.

    Without events it has no row: an asset that made nothing would keep those behind it from being made.
    """
    log = lakehouse.dataset(EVENTS_LOG.name) if lakehouse.exists(EVENTS_LOG.name) else None
    as_of = newest_of(log.to_batches(columns=["event_ts"])) if log else None
    half_life = lakehouse.settings.events.trending_half_life_days
    rows = trending_rows(log.to_batches(columns=list(COLUMNS)) if log else (), as_of, half_life)
    context.add_output_metadata({"half_life_days": half_life, "as_of": str(as_of), "movies": len(rows)})
    return rows

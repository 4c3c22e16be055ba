"""Gold assets: what the champion recommends, and which movies it finds alike."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa

from reco_assets.gold.recommendations import list_rows
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.inputs import read_ratings
from reco_assets.models.ratings import Ratings
from reco_assets.models.serving import load_champion, serving_store
from reco_assets.tables import OWNERS, SPLITS
from resources.tables.lakehouse import Lakehouse

_ASSET: dict[str, Any] = {
    "key_prefix": "gold",
    "group_name": "gold",
    "owners": OWNERS,
    "kinds": {"delta"},
    "deps": [["models", f"{SERVING_FAMILY.name}_champion"], *(["silver", spec.name.split("/")[1]] for spec in SPLITS)],
}


@dg.asset(**_ASSET)
def recommendations_als(context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]) -> pa.Table:
    """The champion's best TOP_N movies for every user who ever rated, without those the user has rated."""
    version, champion = load_champion(serving_store(lakehouse.settings))
    # All sides together, because streamed ratings are in train and test but not in silver/ratings.
    rated = Ratings.concat([read_ratings(lakehouse, spec.name) for spec in SPLITS])
    users = np.unique(rated.user_id)
    lists = champion.recommend(users, lakehouse.settings.serving.top_n, seen=rated)
    context.add_output_metadata(
        {"model_version": version, "users": len(users), "top_n": lakehouse.settings.serving.top_n}
    )
    return list_rows(lists, "user_id", "recommendations", version, datetime.now(UTC))


@dg.asset(**_ASSET)
def similar_movies(context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]) -> pa.Table:
    """For every movie the champion knows, the TOP_N nearest by the direction of their ranking factors."""
    version, champion = load_champion(serving_store(lakehouse.settings))
    lists = champion.similar_items(champion.movie_ids, lakehouse.settings.serving.top_n)
    context.add_output_metadata({"model_version": version})
    return list_rows(lists, "movie_id", "similar", version, datetime.now(UTC))

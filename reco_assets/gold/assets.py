"""Gold assets: what the champion recommends, which movies it finds alike, and which ones people turn to now."""

from typing import Any

import dagster as dg
import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.gold.came import agreement_with_retrained, recommended_to_who_came, seen_but_listed
from reco_assets.gold.lists import Lists, reasons_for_all, recommended_to_all, similar_to_all
from reco_assets.gold.trending import COLUMNS, newest_of, trending_rows
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.tables import (
    EVENTS_LOG,
    HEAVY_POOL,
    RECOMMENDATIONS_ALS,
    RECOMMENDATIONS_FRESH,
    RULES,
    SILVER_MOVIES,
    SPLITS,
    STREAM_RATINGS,
    TRAIN_RATINGS,
)
from resources.tables.lakehouse import Lakehouse

NONE_SEEN, AGREEMENT = "none_seen", "fresh_agreement"
_GOLD: dict[str, Any] = {
    "key_prefix": "gold",
    "group_name": "gold",
    "kinds": {"delta"},
}
_HEAVY: dict[str, Any] = {**_GOLD, "pool": HEAVY_POOL}
_ASSET: dict[str, Any] = {
    **_HEAVY,
    "deps": [
        *(["models", f"{SERVING_FAMILY.name}_{made}"] for made in ("champion", "experiment")),
        *(spec.name.split("/") for spec in (*SPLITS, SILVER_MOVIES, RULES)),
    ],
}


@dg.asset(**_ASSET)
def recommendations_als(context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]) -> Any:
    """The champion's best TOP_N movies for every user who ever rated, without those the user has rated.

    They keep the rules that are in force and the settings of lists; where these leave fewer movies, a list is shorter.
    """
    made = recommended_to_all(lakehouse)
    context.add_output_metadata(_about(lakehouse, made))
    return made.rows


@dg.asset(**_GOLD, deps=[spec.name.split("/") for spec in (STREAM_RATINGS, SILVER_MOVIES, RULES)])
def recommendations_fresh(context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]) -> Any:
    """The champion's best TOP_N movies for users with ratings that wait, solved anew from history and these.

    They keep the rules that are in force. It follows each intake, so it waits for no training.
    """
    made = recommended_to_who_came(lakehouse)
    if made is None:
        return to_arrow_schema(RECOMMENDATIONS_FRESH.schema, timezone="UTC").empty_table()
    context.add_output_metadata(_about(lakehouse, made))
    return made.rows


def _about(lakehouse: Lakehouse, made: Lists) -> dict[str, Any]:
    about = {"model_version": made.version, "top_n": lakehouse.settings.serving.top_n, "rules": made.rules}
    return about | ({"challenger": made.challenger} if made.challenger else {})


@dg.asset_check(name=NONE_SEEN, asset=RECOMMENDATIONS_FRESH.name.split("/"), blocking=True)
def none_seen(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.AssetCheckResult:
    """No list names a movie that its user has rated, in history or in any batch."""
    found = seen_but_listed(lakehouse)
    return dg.AssetCheckResult(passed=not found, metadata={"seen_but_listed": found})


@dg.asset_check(name=AGREEMENT, asset=RECOMMENDATIONS_ALS.name.split("/"), pool=HEAVY_POOL)
def fresh_agreement(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.AssetCheckResult:
    """The lists that a retraining came to are more like those foreseen for the same users than like other users'."""
    found = agreement_with_retrained(lakehouse)
    if found is None:
        return dg.AssetCheckResult(passed=True, description="Not measured: no list foresaw those of this version.")
    others = {} if found.others is None else {"overlap_at_10_with_others": found.others}
    return dg.AssetCheckResult(
        passed=found.holds,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"Of {found.users} users whose ratings waited, the first 10 movies foreseen and retrained overlap "
        f"by {found.own:.0%}" + ("." if found.others is None else f"; with the next user's by {found.others:.0%}."),
        metadata={"users": found.users, "overlap_at_10": found.own, **others},
    )


GOLD_CHECKS = [none_seen, fresh_agreement]


@dg.asset(**_HEAVY, deps=[spec.name.split("/") for spec in (RECOMMENDATIONS_ALS, TRAIN_RATINGS)])
def recommendations_why(context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]) -> Any:
    """For every movie of every list, the user's own movies that add most to its score, and how much of it each adds."""
    made = reasons_for_all(lakehouse)
    context.add_output_metadata({"model_version": made.version})
    return made.rows


@dg.asset(**_ASSET)
def similar_movies(context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]) -> Any:
    """For every movie the champion knows, the TOP_N nearest by the direction of their ranking factors."""
    made = similar_to_all(lakehouse)
    context.add_output_metadata({"model_version": made.version, "rules": made.rules})
    return made.rows


@dg.asset(**_HEAVY, deps=[["events", "log"]])
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

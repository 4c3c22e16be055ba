"""Silver assets: each cleaned table with its quarantine, from one bronze table.

Either may be made without the other, as both follow from the same bronze rows alone.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from reco_assets.silver.quarantine import Cleaned
from reco_assets.silver.rating_events import take_newest, taken_events
from reco_assets.silver.raw_rows import movies_cleaned, ratings_cleaned, tags_cleaned
from reco_assets.tables import HEAVY_POOL, SILVER_RATINGS
from resources.tables.lakehouse import Lakehouse


def _outs(table: str, description: str) -> dict[str, dg.AssetOut]:
    common: dict[str, Any] = {"key_prefix": "silver", "group_name": "silver", "kinds": {"delta"}}
    common["is_required"] = False
    refused = f"Raw {table} that a cleaning rule refused: source, line, raw text and the reasons."
    return {
        table: dg.AssetOut(description=description, **common),
        f"quarantine_{table}": dg.AssetOut(description=refused, **common),
    }


def _selected(context: dg.AssetExecutionContext, table: str, cleaned: Cleaned[Any]) -> Iterator[dg.Output]:
    for name, rows in ((table, cleaned.good), (f"quarantine_{table}", cleaned.quarantined)):
        if dg.AssetKey(["silver", name]) in context.selected_asset_keys:
            yield dg.Output(rows, output_name=name)


@dg.multi_asset(
    name="silver_ratings",
    outs=_outs("ratings", "Ratings of 0.5 to 5 stars, one row per user, movie and second; by year and month."),
    deps=[["bronze", "ratings"], ["events", "log"]],
    can_subset=True,
    pool=HEAVY_POOL,
)
def silver_ratings(context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]) -> Iterator[dg.Output]:
    """Clean the ratings, those of the source and the rating events where there are any.

    The quarantine alone is made of the events that silver/ratings was made of.
    """
    ratings = dg.AssetKey(SILVER_RATINGS.name.split("/")) in context.selected_asset_keys
    taken = take_newest(lakehouse) if ratings else taken_events(lakehouse)
    yield from _selected(context, "ratings", ratings_cleaned(lakehouse, taken, datetime.now(UTC)))


@dg.multi_asset(
    name="silver_movies",
    outs=_outs("movies", "One row per movie: title, genres as text and as an array, year of release where known."),
    deps=[["bronze", "movies"]],
    can_subset=True,
    pool=HEAVY_POOL,
)
def silver_movies(context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]) -> Iterator[dg.Output]:
    """Clean the movies."""
    yield from _selected(context, "movies", movies_cleaned(lakehouse, datetime.now(UTC)))


@dg.multi_asset(
    name="silver_tags",
    outs=_outs("tags", "Tags that users gave to movies; by year and month."),
    deps=[["bronze", "tags"]],
    can_subset=True,
    pool=HEAVY_POOL,
)
def silver_tags(context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]) -> Iterator[dg.Output]:
    """Clean the tags."""
    yield from _selected(context, "tags", tags_cleaned(lakehouse, datetime.now(UTC)))

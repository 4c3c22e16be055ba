"""Silver assets: each cleaned table with its quarantine, from one bronze table."""

from typing import Any

import dagster as dg
from pyspark.sql import DataFrame

from reco_assets.owners import OWNERS
from reco_assets.silver import layouts
from reco_assets.silver.cleaning import Cleaned, clean_movies, clean_ratings, clean_tags


def _outs(table: str, description: str) -> dict[str, dg.AssetOut]:
    common: dict[str, Any] = {"key_prefix": "silver", "group_name": "silver", "owners": OWNERS, "kinds": {"delta"}}
    refused = f"Raw {table} that a cleaning rule refused: source, line, raw text and the reasons."
    return {
        table: dg.AssetOut(description=description, **common),
        f"quarantine_{table}": dg.AssetOut(description=refused, **common),
    }


def _both(cleaned: Cleaned) -> tuple[DataFrame, DataFrame]:
    return cleaned.good, cleaned.quarantined


@dg.multi_asset(
    name="silver_ratings",
    ins={"bronze": dg.AssetIn(["bronze", "ratings"])},
    outs=_outs("ratings", "Ratings of 0.5 to 5 stars, one row per user, movie and second; by year and month."),
)
def silver_ratings(bronze: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Clean the ratings."""
    return _both(clean_ratings(layouts.ratings_as_text(bronze)))


@dg.multi_asset(
    name="silver_movies",
    ins={"bronze": dg.AssetIn(["bronze", "movies"])},
    outs=_outs("movies", "One row per movie: title, genres as text and as an array, year of release where known."),
)
def silver_movies(bronze: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Clean the movies."""
    return _both(clean_movies(layouts.movies_as_text(bronze)))


@dg.multi_asset(
    name="silver_tags",
    ins={"bronze": dg.AssetIn(["bronze", "tags"])},
    outs=_outs("tags", "Tags that users gave to movies; by year and month."),
)
def silver_tags(bronze: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Clean the tags."""
    return _both(clean_tags(layouts.tags_as_text(bronze)))

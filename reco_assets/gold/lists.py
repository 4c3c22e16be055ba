"""The champion's lists as rows of gold tables, made in memory or, of what is too large for it, by Spark in blocks."""

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa

from reco_assets.gold.blocks import recommendation_frame, similar_frame, why_frame
from reco_assets.gold.recommendations import Order, recommendation_rows, similar_rows
from reco_assets.gold.why import lists_of, why_rows
from reco_assets.models.blocks import Blocks, in_blocks
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.inputs import frame_ratings, read_ratings
from reco_assets.models.ratings import Ratings
from reco_assets.models.serving import champion_version, serving_store
from reco_assets.rules.reading import policy_to_publish
from reco_assets.tables import RECOMMENDATIONS_ALS, SPLITS, TRAIN_RATINGS
from resources.tables.lakehouse import Lakehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Lists:
    """Rows of a gold table, the version whose lists they are, and how many rules they keep."""

    version: str
    rows: "pa.Table | DataFrame"
    rules: int = 0


def recommended_to_all(lakehouse: Lakehouse) -> Lists:
    """The best TOP_N movies for every user who ever rated. Raises `NoChampionError`, `ModelStoreError`."""
    store = serving_store(lakehouse.settings)
    version, order = champion_version(store), order_of(lakehouse)
    # All sides together, because streamed ratings are in train and test but not in silver/ratings.
    if _in_blocks(lakehouse):
        sides = [lakehouse.read(spec.name).select("user_id", "movie_id") for spec in SPLITS]
        rated = reduce(lambda some, more: some.union(more), sides)
        champion = Blocks.open(store, version)
        return Lists(version, recommendation_frame(lakehouse.engine, champion, rated, order), len(order.policy.rules))
    ratings = Ratings.concat([read_ratings(lakehouse, spec.name) for spec in SPLITS])
    return Lists(version, recommendation_rows(store.load(version), ratings, version, order), len(order.policy.rules))


def similar_to_all(lakehouse: Lakehouse) -> Lists:
    """The TOP_N movies most like each that the champion knows. Raises `NoChampionError`, `ModelStoreError`."""
    store = serving_store(lakehouse.settings)
    version, order = champion_version(store), order_of(lakehouse)
    if _in_blocks(lakehouse):
        return Lists(
            version, similar_frame(lakehouse.engine, Blocks.open(store, version), order), len(order.policy.rules)
        )
    model = store.load(version)
    return Lists(version, similar_rows(model, model.movie_ids, version, order), len(order.policy.rules))


def reasons_for_all(lakehouse: Lakehouse) -> Lists:
    """What speaks for each movie of the lists in gold, by the version that made them and what it learned from.

    Raises `LakehouseError`, `NoChampionError`, `ModelStoreError`.
    """
    store, listed = serving_store(lakehouse.settings), lakehouse.dataset(RECOMMENDATIONS_ALS.name)
    versions = listed.head(1, columns=["model_version"])["model_version"].to_pylist()
    version = versions[0] if versions else champion_version(store)
    record = store.record(version)
    learned = TRAIN_RATINGS.name, record.delta_version(TRAIN_RATINGS.name)
    if in_blocks(lakehouse, SERVING_FAMILY, {RECOMMENDATIONS_ALS.name: None, learned[0]: learned[1]}):
        framed = frame_ratings(lakehouse, *learned, record.lookback_days).frame
        return Lists(version, why_frame(Blocks.open(store, version), lakehouse.read(RECOMMENDATIONS_ALS.name), framed))
    lists = lists_of(listed.to_table(columns=["user_id", "recommendations"]))
    ratings = read_ratings(lakehouse, *learned, record.lookback_days)
    return Lists(version, why_rows(store.load(version), lists, ratings, version))


def order_of(lakehouse: Lakehouse) -> Order:
    """How lists are made now. Raises `LakehouseError`, `LockError`."""
    now, policy = policy_to_publish(lakehouse)
    return Order(lakehouse.settings.serving.top_n, now, policy)


def _in_blocks(lakehouse: Lakehouse) -> bool:
    return in_blocks(lakehouse, SERVING_FAMILY, {spec.name: None for spec in SPLITS})

"""The champion's lists as rows of gold tables, made in memory or, of what is too large for it, by Spark in blocks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.gold.arms import Arm, arms_of, together, versions_of
from reco_assets.gold.blocks import recommendation_frame, similar_frame, why_frame
from reco_assets.gold.recommendations import Order, recommendation_rows, similar_rows
from reco_assets.gold.why import lists_of, why_rows
from reco_assets.models.blocks import Blocks, in_blocks
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.inputs import frame_ratings, read_ratings
from reco_assets.models.ratings import Ratings
from reco_assets.models.serving import champion_version, serving_store
from reco_assets.models.versions.store import ModelStore
from reco_assets.rules.reading import policy_to_publish
from reco_assets.tables import RECOMMENDATIONS_ALS, SPLITS, TRAIN_RATINGS
from resources.tables.lakehouse import Lakehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Lists:
    """Rows of a gold table, the version whose lists they are, how many rules they keep, and the challenger's version
    where a share of users gets its lists.
    """

    version: str
    rows: "pa.Table | DataFrame"
    rules: int = 0
    challenger: str | None = None


def recommended_to_all(lakehouse: Lakehouse) -> Lists:
    """The best TOP_N movies for every user who ever rated, by the version of the user's arm.

    Raises `NoChampionError`, `ModelStoreError`.
    """
    store = serving_store(lakehouse.settings)
    arms, order = arms_of(store), order_of(lakehouse)
    # All sides together, because streamed ratings are in train and test but not in silver/ratings.
    if _in_blocks(lakehouse):
        sides = [lakehouse.read(spec.name).select("user_id", "movie_id") for spec in SPLITS]
        rated = reduce(lambda some, more: some.union(more), sides)
        frames = [
            recommendation_frame(
                lakehouse.engine, Blocks.open(store, arm.version), arm.of(rated), order_for(order, arm)
            )
            for arm in arms
        ]
        return lists_of_arms(arms, frames, order)
    ratings = Ratings.concat([read_ratings(lakehouse, spec.name) for spec in SPLITS])
    rows = [
        recommendation_rows(store.load(arm.version), _of_arm(ratings, arm), arm.version, order_for(order, arm))
        for arm in arms
    ]
    return lists_of_arms(arms, rows, order)


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
    versions = versions_of(listed) or [champion_version(store)]
    return Lists(versions[0], together([_reasons(lakehouse, store, version) for version in versions]))


def _reasons(lakehouse: Lakehouse, store: ModelStore, version: str) -> "pa.Table | DataFrame":
    """What speaks for each movie of a version's lists."""
    record, made_by = store.record(version), pac.field("model_version") == version
    learned = TRAIN_RATINGS.name, record.delta_version(TRAIN_RATINGS.name)
    if in_blocks(lakehouse, SERVING_FAMILY, {RECOMMENDATIONS_ALS.name: None, learned[0]: learned[1]}):
        framed = frame_ratings(lakehouse, *learned, record.lookback_days).frame
        listed = lakehouse.read(RECOMMENDATIONS_ALS.name)
        return why_frame(Blocks.open(store, version), listed.where(listed.model_version == version), framed)
    rows = lakehouse.dataset(RECOMMENDATIONS_ALS.name).to_table(columns=["user_id", "recommendations"], filter=made_by)
    ratings = read_ratings(lakehouse, *learned, record.lookback_days)
    return why_rows(store.load(version), lists_of(rows), ratings, version)


def order_of(lakehouse: Lakehouse) -> Order:
    """How lists are made now. Raises `LakehouseError`, `LockError`."""
    now, policy = policy_to_publish(lakehouse)
    return Order(lakehouse.settings.serving.top_n, now, policy)


def order_for(order: Order, arm: Arm) -> Order:
    """How the lists of an arm are made."""
    return replace(order, variant=arm.variant)


def lists_of_arms(arms: Sequence[Arm], parts: "list[pa.Table] | list[DataFrame]", order: Order) -> Lists:
    """The lists of all arms in one table."""
    challenger = arms[1].version if len(arms) > 1 else None
    return Lists(arms[0].version, together(parts), len(order.policy.rules), challenger)


def _of_arm(ratings: Ratings, arm: Arm) -> Ratings:
    return ratings if arm.experiment is None else ratings.where(arm.holds(ratings.user_id))


def _in_blocks(lakehouse: Lakehouse) -> bool:
    return in_blocks(lakehouse, SERVING_FAMILY, {spec.name: None for spec in SPLITS})

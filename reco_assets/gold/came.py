"""Which users came with ratings that the champion has not learned, what they said, and its lists for them."""

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac
from threadpoolctl import threadpool_limits

from reco_assets.batches.merged import unlearned
from reco_assets.batches.receipts import good_rows
from reco_assets.batches.withdrawn import withdrawn
from reco_assets.gold.arms import Arm, arms_of, versions_of
from reco_assets.gold.blocks import fresh_frame
from reco_assets.gold.fresh import (
    COUNTS,
    LINE,
    NUMBER,
    RATED,
    SAID,
    Agreement,
    agreement,
    fresh_rows,
    what_counts,
)
from reco_assets.gold.lists import Lists, lists_of_arms, order_for, order_of
from reco_assets.gold.recommendations import Order
from reco_assets.gold.why import lists_of, why_rows
from reco_assets.models.blocks import NOBODY, Blocks, in_blocks
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.ratings import Ratings
from reco_assets.models.serving import serving_store
from reco_assets.tables import (
    FUTURE_RATINGS,
    RECOMMENDATIONS_ALS,
    RECOMMENDATIONS_FRESH,
    SPLITS,
    STREAM_RATINGS,
    TRAIN_RATINGS,
)
from reco_assets.vocabulary import PAIR
from resources.tables.appends import BATCH, batch_rows
from resources.tables.files import TableSpec
from resources.tables.growth import rows_held
from resources.tables.lakehouse import Lakehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

NO_RATINGS = Ratings(NOBODY, NOBODY, np.zeros(0, np.float32))


def recommended_to_who_came(lakehouse: Lakehouse) -> Lists | None:
    """The best TOP_N movies for every user with ratings that wait; None where none waits or nothing serves yet.

    Ratings wait that are in no batch which the champion was trained on, also where a retraining on them was refused.
    What the user rated by any batch or on either side of the split counts: no figure is taken of these lists.
    Raises `LakehouseError`, `LedgerError`, `ModelStoreError`.
    """
    store = serving_store(lakehouse.settings)
    if store.champion() is None:
        return None
    arms = arms_of(store)
    came = [(arm, batches) for arm in arms if (batches := _batches(lakehouse, arm.version))]
    if not came:
        return None
    order = order_of(lakehouse)
    framed = in_blocks(
        lakehouse, SERVING_FAMILY, dict.fromkeys([STREAM_RATINGS.name, *(s.name for s in _sides(lakehouse))])
    )
    made = _fresh_frame if framed else _fresh_rows
    return lists_of_arms(arms, [made(lakehouse, arm, batches, order_for(order, arm)) for arm, batches in came], order)


def _fresh_frame(lakehouse: Lakehouse, arm: Arm, batches: tuple[str, ...], order: Order) -> "DataFrame":
    model = Blocks.open(serving_store(lakehouse.settings), arm.version)
    return fresh_frame(model, arm.of(_frame_of_said(lakehouse, batches)), order)


def _fresh_rows(lakehouse: Lakehouse, arm: Arm, batches: tuple[str, ...], order: Order) -> pa.Table:
    said, model = _said(lakehouse, batches), serving_store(lakehouse.settings).load_users(arm.version, NOBODY)
    of_arm = said.filter(pa.array(arm.holds(said["user_id"].to_numpy())))
    # A user's products are small: beside a training, threads take 44 users 2.2 s and not 0.2.
    with threadpool_limits(1):
        return fresh_rows(model, of_arm, arm.version, order)


def ratings_of_who_came(lakehouse: Lakehouse, version: str, users: pa.Array | None = None) -> Ratings:
    """All that users said who came with ratings that a version has not learned, or these of them; by user.

    Raises `LakehouseError`, `LedgerError`, `ModelStoreError`.
    """
    batches = _batches(lakehouse, version)
    return what_counts(_said(lakehouse, batches, users)) if batches else NO_RATINGS


def reasons_for_who_came(lakehouse: Lakehouse, user: int) -> list[dict[str, Any]]:
    """What speaks for each movie of a user's fresh list, as rows of gold/recommendations_why; none without a list.

    Raises `LakehouseError`, `LedgerError`, `ModelStoreError`.
    """
    of_user = pac.field("user_id") == user
    listed = lakehouse.dataset(RECOMMENDATIONS_FRESH.name).to_table(filter=of_user)
    rows: list[dict[str, Any]] = []
    for version in listed["model_version"].to_pylist():
        own = ratings_of_who_came(lakehouse, version, pa.array([user], pa.int32()))
        model = serving_store(lakehouse.settings).load_users(version, NOBODY)
        rows += why_rows(model, lists_of(listed), own, version).to_pylist()
    return rows


def agreement_with_retrained(lakehouse: Lakehouse) -> Agreement | None:
    """How far the lists made before a retraining were those that it came to; None where none came after them.

    Raises `LakehouseError`.
    """
    if not all(lakehouse.exists(spec.name) for spec in (RECOMMENDATIONS_FRESH, RECOMMENDATIONS_ALS)):
        return None
    columns = ["user_id", "recommendations", "model_version", "generated_ts"]
    tables = [lakehouse.dataset(spec.name) for spec in (RECOMMENDATIONS_FRESH, RECOMMENDATIONS_ALS)]
    made = [versions_of(table)[:1] for table in tables]  # those of the champion
    if not made[0] or not made[1] > made[0]:  # versions are named by their time
        return None
    fresh = tables[0].to_table(columns=columns, filter=pac.field("model_version") == made[0][0])
    of_them = pac.field("user_id").isin(fresh["user_id"].combine_chunks()) & (pac.field("model_version") == made[1][0])
    return agreement(fresh, tables[1].to_table(columns=columns, filter=of_them))


def seen_but_listed(lakehouse: Lakehouse) -> int:
    """How many ratings there are of movies that the fresh lists name to who rated them. Raises `LakehouseError`."""
    fresh = lakehouse.dataset(RECOMMENDATIONS_FRESH.name).to_table(columns=["user_id", "recommendations"])
    lists = fresh["recommendations"].combine_chunks()
    users = np.repeat(fresh["user_id"].to_numpy(), lists.value_lengths().to_numpy())
    listed = pa.table([pa.array(users, pa.int32()), lists.flatten().field("movie_id")], names=PAIR)
    seen = sum(len(rows_held(lakehouse, spec.name, listed, PAIR)) for spec in _sides(lakehouse))
    if not lakehouse.exists(STREAM_RATINGS.name):
        return seen
    came = rows_held(lakehouse, STREAM_RATINGS.name, listed, [*PAIR, BATCH])
    out = pa.array([*withdrawn(lakehouse.root)], pa.string())
    return seen + len(came.filter(pac.invert(pac.is_in(came[BATCH], out))))


def _batches(lakehouse: Lakehouse, version: str) -> tuple[str, ...]:
    """The batches that the version has not learned from, a later word after an earlier one; none before any intake."""
    if not lakehouse.exists(STREAM_RATINGS.name):
        return ()
    record = serving_store(lakehouse.settings).record(version)
    return unlearned(lakehouse, record.delta_version(TRAIN_RATINGS.name))


def _sides(lakehouse: Lakehouse) -> list[TableSpec]:
    return [spec for spec in SPLITS if lakehouse.exists(spec.name)]


def _said(lakehouse: Lakehouse, batches: tuple[str, ...], users: pa.Array | None = None) -> pa.Table:
    """`SAID` of all who came with the batches, or of these of them."""
    names = pa.array(batches, pa.string())
    came = batch_rows(
        lakehouse, STREAM_RATINGS.name, batches, [BATCH, LINE, *RATED], good_rows(lakehouse.root, batches)
    )
    if users is not None:
        came = came.filter(pac.is_in(came["user_id"], users))
    place = pac.add(pac.index_in(came[BATCH], names).cast(pa.int64()), 1)
    parts = [came.append_column(NUMBER, place).append_column(COUNTS, _always(came, True)).select(SAID)]
    # Rows that were merged from these batches are among them already.
    of_them = pac.field("user_id").isin(pac.unique(came["user_id"])) & ~pac.field("origin").isin(names)
    for side in _sides(lakehouse):
        rows = lakehouse.dataset(side.name).to_table(columns=list(RATED), filter=of_them)
        for name in (NUMBER, LINE):
            rows = rows.append_column(name, pa.array(np.zeros(len(rows), np.int64)))
        parts.append(rows.append_column(COUNTS, _always(rows, side is not FUTURE_RATINGS)))
    return pa.concat_tables(parts, promote_options="permissive")


def _always(rows: pa.Table, value: bool) -> pa.Array:
    return pa.repeat(pa.scalar(value), len(rows))


def _frame_of_said(lakehouse: Lakehouse, batches: tuple[str, ...]) -> "DataFrame":
    from pyspark.sql import functions as F

    places = pa.table({BATCH: pa.array(batches), NUMBER: np.arange(1, len(batches) + 1)})
    wanted = F.broadcast(lakehouse.engine.session.createDataFrame(places))
    counted = lakehouse.read(STREAM_RATINGS.name).join(wanted, BATCH).withColumn(COUNTS, F.lit(True))
    came, merged = counted.select("user_id").distinct(), wanted.select(F.col(BATCH).alias("origin"))
    parts = [counted.select(*SAID)]
    for side in _sides(lakehouse):
        rows = lakehouse.read(side.name).join(came, "user_id", "left_semi").join(merged, "origin", "left_anti")
        zero = F.lit(0).cast("long")
        rest = (zero.alias(NUMBER), zero.alias(LINE), F.lit(side is not FUTURE_RATINGS).alias(COUNTS))
        parts.append(rows.select(*RATED, *rest))
    return reduce(lambda some, more: some.union(more), parts)

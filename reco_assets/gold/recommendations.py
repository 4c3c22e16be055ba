"""Pure: a model's lists as the rows of the gold tables."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.interface import Recommender, TopN
from reco_assets.models.ratings import Ratings
from reco_assets.models.top_n import MASKED
from reco_assets.rules.editing import FREE, Policy, editing_of
from reco_assets.rules.lists import recommend, similar_items
from reco_assets.vocabulary import CHAMPION

_ENTRY = pa.struct([("movie_id", pa.int32()), ("score", pa.float32()), ("rank", pa.int32())])


@dataclass(frozen=True)
class Order:
    """How long lists are at most, when they are made (UTC), what they keep, and whose they are in an experiment."""

    n: int
    now: datetime
    policy: Policy = FREE
    variant: str = CHAMPION


def recommendation_rows(model: Recommender, rated: Ratings, version: str, order: Order) -> pa.Table:
    """The best movies of every user who rated, without those the user has rated, as rows of `user_rows`."""
    editing = editing_of(order.policy, SERVING_FAMILY, model)
    lists = recommend(model, editing, rated.stars.user_ids, order.n, seen=rated)
    return user_rows(lists, version, order)


def similar_rows(model: Recommender, movie_id: np.ndarray, version: str, order: Order) -> pa.Table:
    """The movies most like each of some that the model knows, as rows of `list_rows`."""
    lists = similar_items(model, editing_of(order.policy, SERVING_FAMILY, model), movie_id, order.n)
    return list_rows(lists, "movie_id", "similar", version, order.now)


def user_rows(lists: TopN, version: str, order: Order) -> pa.Table:
    """Users' lists as rows of `list_rows`, and the variant."""
    rows = list_rows(lists, "user_id", "recommendations", version, order.now)
    return rows.append_column("variant", pa.repeat(pa.scalar(order.variant), len(rows)))


def list_rows(lists: TopN, key: str, column: str, model_version: str, generated_ts: datetime) -> pa.Table:
    """One row per list: `key`, `column` (array of movie_id, score, rank from 1), model_version, generated_ts (UTC)."""
    kept = lists.movie_id != MASKED
    lengths = kept.sum(axis=1)
    ranks = np.broadcast_to(np.arange(1, lists.movie_id.shape[1] + 1, dtype=np.int32), kept.shape)
    entries = pa.StructArray.from_arrays(
        [pa.array(values[kept]) for values in (lists.movie_id, lists.score, ranks)], fields=list(_ENTRY)
    )
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    rows = len(lists.user_id)
    stamp = pa.scalar(generated_ts, pa.timestamp("us", tz="UTC"))
    return pa.table(
        {
            key: pa.array(lists.user_id.astype(np.int32)),
            column: pa.ListArray.from_arrays(pa.array(offsets), entries),
            "model_version": pa.repeat(pa.scalar(model_version), rows),
            "generated_ts": pa.repeat(stamp, rows),
        }
    )

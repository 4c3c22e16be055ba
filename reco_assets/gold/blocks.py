"""Gold of more ratings than memory holds: lists as frames, made by Spark's workers in blocks of users or movies."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from reco_assets.gold.fresh import SAID, fresh_rows
from reco_assets.gold.recommendations import Order, recommendation_rows, similar_rows
from reco_assets.gold.why import lists_of, why_rows
from reco_assets.models.blocks import Blocks, ratings_of
from reco_assets.models.top_n import USERS_PER_BLOCK
from reco_assets.tables import RECOMMENDATIONS_ALS, RECOMMENDATIONS_FRESH, RECOMMENDATIONS_WHY, SIMILAR_MOVIES
from resources.engine import Engine

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MOVIES_PER_TASK = 4 * USERS_PER_BLOCK  # the same blocks as in memory, so the same products to the last bit
Batches = Iterator[pa.RecordBatch]


def recommendation_frame(engine: Engine, champion: Blocks, rated: "DataFrame", order: Order) -> "DataFrame":
    """The rows of `recommendation_rows` for all users who rated; `rated` has their user_id and movie_id."""
    from pyspark.sql import functions as F

    seen = rated.groupBy("user_id").agg(F.collect_list("movie_id").alias("seen"))
    users = seen.join(champion.frame(engine, "side"), "user_id", "left")
    return users.mapInArrow(_recommend(champion, order), RECOMMENDATIONS_ALS.schema)


def fresh_frame(champion: Blocks, said: "DataFrame", order: Order) -> "DataFrame":
    """The rows of `fresh_rows` for the users of `said`."""
    from pyspark.sql import functions as F

    users = said.groupBy("user_id").agg(F.collect_list(F.struct(*SAID[1:])).alias("said"))
    return users.mapInArrow(_fold_in(champion, order), RECOMMENDATIONS_FRESH.schema)


def similar_frame(engine: Engine, champion: Blocks, order: Order) -> "DataFrame":
    """The rows of `similar_rows`. A task gets no more than the number of its block of the sorted movies."""
    blocks = -(-len(champion.of_nobody().movie_ids) // MOVIES_PER_TASK)
    return engine.session.range(0, blocks, 1, blocks).mapInArrow(_find_alike(champion, order), SIMILAR_MOVIES.schema)


def why_frame(model: Blocks, published: "DataFrame", learned: "DataFrame") -> "DataFrame":
    """The rows of `why_rows` for the lists in `published`; `learned` are the ratings that the model learned from."""
    from pyspark.sql import functions as F

    own = learned.groupBy("user_id").agg(F.collect_list(F.struct("movie_id", "rating")).alias("own"))
    lists = published.select("user_id", "recommendations").join(own, "user_id", "left")
    return lists.mapInArrow(_explain(model), RECOMMENDATIONS_WHY.schema)


def _recommend(champion: Blocks, order: Order) -> Callable[[Batches], Batches]:
    def recommend(batches: Batches) -> Batches:
        for batch in batches:
            users = pa.table(batch)
            rated = ratings_of(users["user_id"], users["seen"])
            rows = recommendation_rows(champion.model(users["side"]), rated, champion.record.version, order)
            yield from rows.to_batches()

    return recommend


def _fold_in(champion: Blocks, order: Order) -> Callable[[Batches], Batches]:
    def fold_in(batches: Batches) -> Batches:
        of_nobody = champion.of_nobody()
        for batch in batches:
            users = pa.table(batch)
            lists = users["said"].combine_chunks()
            of_user = np.repeat(users["user_id"].to_numpy(), lists.value_lengths().to_numpy())
            said = pa.table([of_user, *(lists.flatten().field(name) for name in SAID[1:])], names=SAID)
            yield from fresh_rows(of_nobody, said, champion.record.version, order).to_batches()

    return fold_in


def _explain(model: Blocks) -> Callable[[Batches], Batches]:
    def explain(batches: Batches) -> Batches:
        of_nobody = model.of_nobody()
        for batch in batches:
            users = pa.table(batch)
            learned = ratings_of(users["user_id"], users["own"], "rating")
            yield from why_rows(of_nobody, lists_of(users), learned, model.record.version).to_batches()

    return explain


def _find_alike(champion: Blocks, order: Order) -> Callable[[Batches], Batches]:
    def find_alike(batches: Batches) -> Batches:
        model = champion.of_nobody()
        for start in (MOVIES_PER_TASK * block for batch in batches for block in batch["id"].to_pylist()):
            movies = model.movie_ids[start : start + MOVIES_PER_TASK]
            yield from similar_rows(model, movies, champion.record.version, order).to_batches()

    return find_alike

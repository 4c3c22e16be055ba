"""How many of a batch's rows correct what was known: an earlier rating of the same user, movie and time."""

from collections import Counter
from collections.abc import Collection, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from reco_assets.batches.accepted import accepted
from reco_assets.batches.last_values import REPLACES, last_values, value_steps
from reco_assets.batches.receipts import family, receipts
from reco_assets.batches.withdrawn import withdrawn
from reco_assets.tables import SPLIT_RATINGS, STREAM_RATINGS
from reco_assets.vocabulary import KEY, LEARNED_SIDES
from resources.tables.appends import BATCH, batch_rows
from resources.tables.growth import rows_held
from resources.tables.lakehouse import Lakehouse

HISTORY_FIRST = -1
_ROW = [BATCH, "line", *KEY, "rating"]


def count_corrections(lakehouse: Lakehouse, rows: pa.Table, batches: Sequence[str]) -> Counter[str]:
    """The rows of each batch that gave an earlier rating of their key another value.

    `rows`: batch, line, `KEY` and rating of the good rows of `batches`, which stand in the order of intake. Earlier
    are history's rows, those of all batches with a receipt, and those of the batches before. What history keeps for
    the future is not known yet, and what was withdrawn no more.
    """
    rows = rows.select(_ROW)
    streamed = _streamed_before(lakehouse, rows, batches)
    names = set(streamed[BATCH].to_pylist()) - withdrawn(lakehouse.root).keys()
    order = [*(receipt.batch for receipt in receipts(lakehouse.root, names)), *batches]
    known = pa.concat_tables([streamed.cast(rows.schema), rows])
    places = pc.index_in(known[BATCH], value_set=pa.array(order, pa.string()))
    taken = known.append_column("place", places).filter(pc.is_valid(places))
    history = _history(lakehouse, rows.select(KEY), rows.schema).cast(taken.schema)
    steps = value_steps(pa.concat_tables([history, taken]).combine_chunks(), ["place", "line"])
    return Counter(steps.filter(pc.field(REPLACES) & pc.field(BATCH).isin(batches))[BATCH].to_pylist())


def later_rows(lakehouse: Lakehouse, batch: str, keys: pa.Table) -> pa.Table:
    """The rows (batch, `KEY`, rating) under these keys of batches that were taken in after this one and its replays.

    Those of withdrawn ones are left out.
    """
    held = rows_held(lakehouse, STREAM_RATINGS.name, keys.select(KEY), [BATCH, *KEY, "rating"])
    names = set(pc.unique(held[BATCH]).to_pylist())
    in_order = [receipt.batch for receipt in receipts(lakehouse.root, {batch, *names})]
    later = set(in_order[in_order.index(batch) + 1 :]) - {*family(lakehouse.root, batch), *withdrawn(lakehouse.root)}
    return held.filter(pc.is_in(held[BATCH], pa.array(later, pa.string())))


def corrected_later(lakehouse: Lakehouse, batch: str) -> int:
    """How many of a batch's rows a later batch gave another value."""
    own = batch_rows(lakehouse, STREAM_RATINGS.name, [batch], columns=[*KEY, "rating"])
    later = later_rows(lakehouse, batch, own).select([*KEY, "rating"]).rename_columns([*KEY, "later"])
    both = own.join(later, keys=KEY, join_type="inner")
    return len(both.filter(pc.not_equal(both["rating"], both["later"])).group_by(KEY).aggregate([]))


def values_without(lakehouse: Lakehouse, keys: pa.Table, batches: Collection[str]) -> pa.Table:
    """What training and test would hold under keys (`KEY`) without these batches: `KEY` and rating, one row per key.

    That is the last of history's value and those of the other accepted batches. Raises `LakehouseError`, `LedgerError`.
    """
    order = [each.batch for each in accepted(lakehouse.root) if each.batch not in batches]
    held = rows_held(lakehouse, STREAM_RATINGS.name, keys, _ROW)
    places = pc.index_in(held[BATCH], value_set=pa.array(order, pa.string()))
    taken = held.append_column("place", places).filter(pc.is_valid(places))
    history = _history(lakehouse, keys, held.schema).cast(taken.schema)
    return last_values(pa.concat_tables([history, taken]).combine_chunks(), ["place", "line"]).select([*KEY, "rating"])


def _streamed_before(lakehouse: Lakehouse, rows: pa.Table, batches: Sequence[str]) -> pa.Table:
    """The rows under the same keys of other batches."""
    found = rows_held(lakehouse, STREAM_RATINGS.name, rows.select(KEY), _ROW)
    return found.filter(~pc.field(BATCH).isin(pa.array(batches, pa.string())))


def _history(lakehouse: Lakehouse, keys: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows under keys of history, as the first of all; `schema` has the types of its columns."""
    known = schema.empty_table().select([*KEY, "rating"])
    if lakehouse.exists(SPLIT_RATINGS.name):
        split = rows_held(lakehouse, SPLIT_RATINGS.name, keys, [*KEY, "rating", "side"])
        known = split.filter(pc.field("side").isin(LEARNED_SIDES)).select([*KEY, "rating"])
    first = known.add_column(0, BATCH, pa.repeat("", len(known))).add_column(1, "line", pa.repeat(0, len(known)))
    return first.append_column("place", pa.repeat(HISTORY_FIRST, len(known)))

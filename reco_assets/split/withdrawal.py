"""A batch is withdrawn, or counts again: the decision, and what it changes of training and test."""

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.batches.corrections import values_without
from reco_assets.batches.finding import find_batch
from reco_assets.batches.receipts import family, good_rows
from reco_assets.batches.withdrawn import Action, decide
from reco_assets.streaming.intake import LOCK
from reco_assets.streaming.replay import finish_replays
from reco_assets.tables import SIDE_TABLES, STREAM_RATINGS
from reco_assets.vocabulary import KEY, TEST, TRAIN
from resources.tables.appends import batch_rows
from resources.tables.growth import rows_held
from resources.tables.lakehouse import Lakehouse


@dataclass(frozen=True)
class Held:
    """How many rows of training and of test are some batches', and of both how many would give back another value."""

    train: int = 0
    test: int = 0
    given_back: int = 0


def held_of(lakehouse: Lakehouse, batches: Collection[str]) -> Held:
    """What training and test hold of batches now. Raises `LakehouseError`, `LedgerError`."""
    if not lakehouse.exists(STREAM_RATINGS.name):
        return Held()
    came = batch_rows(lakehouse, STREAM_RATINGS.name, batches, KEY, good_rows(lakehouse.root, batches))
    rows = {side: _rows(lakehouse, side, came, batches) for side in SIDE_TABLES}
    own = pa.concat_tables(rows.values())
    without = values_without(lakehouse, own.select(KEY), batches).rename_columns([*KEY, "before"])
    both = own.join(without, keys=KEY, join_type="inner")
    back = pc.sum(pc.not_equal(both["rating"], both["before"]), min_count=0).as_py()
    return Held(len(rows[TRAIN]), len(rows[TEST]), int(back))


def decide_on(lakehouse: Lakehouse, action: Action, text: str, reason: str) -> list[str]:
    """Withdraw a batch with all that replays of it brought back, or let both count again; returns what is new of that.

    No file is taken in meanwhile, and no replay is left half done, whose rows would come back by themselves. Raises
    `BatchNameError`, `LedgerError`, `LakehouseError`.
    """
    with lakehouse.lock(LOCK):
        batch = find_batch(lakehouse.root, text)
        finish_replays(lakehouse)
        return decide(lakehouse, action, family(lakehouse.root, batch), reason)


def _rows(lakehouse: Lakehouse, side: str, keys: pa.Table, batches: Collection[str]) -> pa.Table:
    """`KEY` and rating of a side's rows that have one of the keys and are of these batches."""
    spec, columns = SIDE_TABLES[side], [*KEY, "rating"]
    if not lakehouse.exists(spec.name):
        return to_arrow_schema(spec.schema, timezone="UTC").empty_table().select(columns)
    held = rows_held(lakehouse, spec.name, keys, [*columns, "origin"])
    return held.filter(pc.is_in(held["origin"].cast(pa.string()), pa.array([*batches], pa.string()))).select(columns)

"""History's split and the accepted batches become silver/train_ratings and silver/test_ratings.

Each table has one writer, `merge_side`, and two ways that lead to the same rows:

- **rebuilt** from silver/split_ratings and every accepted batch, when the split changed since the table was last built,
  or a batch was withdrawn that it may hold (the table's property says from which state that was);
- **inserted**, only the batches accepted since, which costs what the batches cost and not what the table costs.

A row's side is that of its pair in history, else the one it was staged with. Of rows with the same user, movie and
time the last accepted value stands: history's, until a batch says otherwise, and then that of the batch accepted last.
What it replaced is in the table's earlier versions. How a table tells which batches it holds: `batches.merged`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reco_assets.batches.accepted import accepted, set_name, taken_back
from reco_assets.batches.last_values import REPLACES, last_values
from reco_assets.batches.merged import pending, transaction
from reco_assets.batches.receipts import good_rows
from reco_assets.batches.upkeep import after_merge
from reco_assets.split.history import ROW, side_of_history
from reco_assets.split.rebuilding import ACCEPTED, BEFORE_ALL, rebuilt_frame
from reco_assets.steps import reached
from reco_assets.tables import SIDE_TABLES, SPLIT_RATINGS, STREAM_RATINGS
from reco_assets.vocabulary import KEY, PAIR
from resources.tables.appends import batch_rows
from resources.tables.growth import changes_of, commit_changes, record, rows_held, rows_under
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import TableLog, read_log

BUILT_FROM = "reco.split_version"
# Where a run may be killed, per side.
STEPS = tuple(f"{side}_{step}" for side in SIDE_TABLES for step in ("rebuilt", "rebuild_recorded", "inserted"))


class How(Enum):
    """How a table came to hold what it holds."""

    REBUILT = "rebuilt"
    INSERTED = "inserted"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Merged:
    """What one merge did: the rows written (all of the table when it was rebuilt), the batches they are from, and how
    many of the rows stand in place of an earlier value.
    """

    how: How
    rows: int
    batches: tuple[str, ...]
    corrected: int = 0


def merge_side(lakehouse: Lakehouse, side: str) -> Merged:
    """Bring the table of a side (`train`, `test`) up to date; doing it again changes nothing.

    Raises `LakehouseError` when there is no split, `LedgerError`.
    """
    spec = SIDE_TABLES[side]
    with lakehouse.lock(spec.name):
        if lakehouse.settings.storage.format != "delta":
            lakehouse.write(spec, side_of_history(lakehouse, side))
            return Merged(How.REBUILT, lakehouse.row_count(spec.name), ())
        split = read_log(lakehouse, SPLIT_RATINGS.name)
        # Before the batches are looked up: what is withdrawn in between is left out twice, and never kept.
        state = _state(split, taken_back(lakehouse.root))
        if lakehouse.exists(spec.name):
            log = read_log(lakehouse, spec.name)
            if log.property_of(BUILT_FROM) == state:
                return _insert(lakehouse, side, split.version, pending(lakehouse, log), log.epoch)
        return _rebuild(
            lakehouse, side, _Source(split.version, state), [each.batch for each in accepted(lakehouse.root)]
        )


def rows_of_side(stream: pa.Table, known: pa.Table, batches: Sequence[str], side: str) -> pa.Table:
    """The rows that batches bring to a side, with the place of their batch in `batches` and their line in it.

    `stream`: rows of stream/ratings; `known`: user_id, movie_id and side of what history has of their users at least.
    """
    accepted_at = pc.index_in(stream["batch"], value_set=pa.array(batches, pa.string()))
    taken = stream.append_column("accepted", accepted_at).filter(pc.is_valid(accepted_at))
    placed = known.select(PAIR).append_column("side", known["side"].cast(pa.string()))
    placed = placed.filter(pc.is_in(placed["side"], pa.array(SIDE_TABLES))).group_by([*PAIR, "side"]).aggregate([])
    sided = taken.join(placed, keys=PAIR, join_type="left outer")
    own = sided.filter(pc.equal(pc.coalesce(sided["side"], sided["split"]), side))
    return own.append_column("origin", own["batch"]).select([*ROW, *ACCEPTED])


def rows_to_put(brought: pa.Table, held: pa.Table) -> pa.Table:
    """What a side's table must hold under the keys that batches bring: one row per key, with `replaces`.

    `brought`: as `rows_of_side` gives them; `held`: the table's rows under their keys, which were there before them.
    """
    places = {"accepted": pa.repeat(pa.scalar(BEFORE_ALL, pa.int32()), len(held)), "line": pa.repeat(0, len(held))}
    before = held.select(ROW)
    for name, place in places.items():
        before = before.append_column(name, place)
    rows = pa.concat_tables([before.cast(brought.schema), brought]).combine_chunks()
    return last_values(rows, ACCEPTED).select([*ROW, REPLACES])


def rebuilt(history: pa.RecordBatchReader, last: pa.Table) -> pa.RecordBatchReader:
    """The rows of a side: those of history, in their order, but under the keys of `last`, whose rows follow."""

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in history:
            yield from _without(pa.Table.from_batches([batch]), last.select(KEY)).to_batches()
        yield from last.select(ROW).cast(history.schema).to_batches()

    return pa.RecordBatchReader.from_batches(history.schema, batches())


def _without(rows: pa.Table, keys: pa.Table) -> pa.Table:
    """The rows that have none of the keys, in their order, which a join would lose."""
    near = rows.select(KEY).append_column("at", pa.array(np.arange(len(rows))))
    near = near.filter(pc.is_in(rows["user_id"], pc.unique(keys["user_id"])))
    kept = np.ones(len(rows), bool)
    kept[near.join(keys, keys=KEY, join_type="left semi")["at"].to_numpy()] = False
    return rows.filter(pa.array(kept))


@dataclass(frozen=True)
class _Source:
    """What a side is rebuilt from: a version of the split, and the name of that and of what is withdrawn."""

    version: int
    state: str


def _rebuild(lakehouse: Lakehouse, side: str, split: _Source, batches: list[str]) -> Merged:
    spec = SIDE_TABLES[side]
    rows, corrected = side_of_history(lakehouse, side, split.version), 0
    if batches and isinstance(rows, pa.RecordBatchReader):
        brought = _brought(lakehouse, side, split.version, batches)
        own = lakehouse.dataset(SPLIT_RATINGS.name, split.version).filter(pc.field("side") == side)
        last = rows_to_put(brought, rows_under(own, brought.select(KEY), ROW))
        corrected = pc.sum(last[REPLACES], min_count=0).as_py()
        rows = rebuilt(rows, last)
    elif batches:
        known = lakehouse.read(SPLIT_RATINGS.name, split.version)
        rows, corrected = rebuilt_frame(rows, lakehouse.read(STREAM_RATINGS.name), known, batches, side)
    lakehouse.write(spec, rows)
    reached(f"{side}_rebuilt")
    # Until this commit the property names an older state of the split, so that a run killed here is done again.
    epoch = read_log(lakehouse, spec.name).epoch
    record(lakehouse, spec.name, transaction(epoch, batches[-1]) if batches else None, {BUILT_FROM: split.state})
    reached(f"{side}_rebuild_recorded")
    return Merged(How.REBUILT, lakehouse.row_count(spec.name), tuple(batches), corrected)


def _insert(lakehouse: Lakehouse, side: str, split_version: int, batches: list[str], epoch: int) -> Merged:
    if not batches:
        return Merged(How.UNCHANGED, 0, ())
    spec = SIDE_TABLES[side]
    brought = _brought(lakehouse, side, split_version, batches)
    held = rows_held(lakehouse, spec.name, brought.select(KEY))
    last = rows_to_put(brought, held)
    changes = changes_of(last.select(ROW), held, KEY)
    commit_changes(lakehouse, spec, changes, KEY, transaction(epoch, batches[-1]))
    reached(f"{side}_inserted")
    after_merge(lakehouse, spec.name)
    corrected_before = last.filter(pc.field(REPLACES)).join(changes.new, keys=KEY, join_type="left semi")
    return Merged(How.INSERTED, len(changes), tuple(batches), len(changes.other) + len(corrected_before))


def _brought(lakehouse: Lakehouse, side: str, split_version: int, batches: list[str]) -> pa.Table:
    """As `rows_of_side`, of the stream and of what the split knows of its users."""
    columns, counts = ["batch", "line", *ROW[:-1], "split"], good_rows(lakehouse.root, batches)
    stream = batch_rows(lakehouse, STREAM_RATINGS.name, batches, columns, counts)
    return rows_of_side(stream, _known(lakehouse, stream, split_version), batches, side)


def _known(lakehouse: Lakehouse, stream: pa.Table, split_version: int) -> pa.Table:
    """What history has of the users, or at least of the pairs, of streamed rows."""
    columns = [*PAIR, "side"]
    if lakehouse.goes_by_frames(SPLIT_RATINGS.name, split_version):
        return rows_held(lakehouse, SPLIT_RATINGS.name, stream.select(PAIR), columns, split_version)
    split = lakehouse.dataset(SPLIT_RATINGS.name, split_version, encoded=["side"])
    return split.to_table(columns, pc.field("user_id").isin(pc.unique(stream["user_id"])))


def _state(split: TableLog, taken_back: Sequence[str]) -> str:
    """A table made anew under the same name begins at version 0 again, so the version alone would not do."""
    return f"{split.table_id}@{split.version}" + (f" without {set_name(taken_back)}" if taken_back else "")

"""On which side of the split a streamed rating is: the side of its pair where that is known, else a hash decides.

No engine: intake runs in seconds, and a session of the larger engine takes longer than that to start. Only where a
table is beyond the memory of Spark's driver does a join look the pairs up.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac
import pyarrow.dataset as ds

from reco_assets.statistics import pair_number, xxhash64
from reco_assets.tables import SPLIT_RATINGS, STREAM_RATINGS
from reco_assets.vocabulary import LEARNED_SIDES, PAIR
from resources.tables.growth import rows_held
from resources.tables.lakehouse import Lakehouse

SALT = 2006
SHARES = 100
_SIDES = np.array(LEARNED_SIDES, object)


def split_pairs(lakehouse: Lakehouse, user_id: np.ndarray, movie_id: np.ndarray, train_ratio: float) -> pa.Array:
    """`train` or `test` for n pairs (n,) int32: history's side first, then that of earlier stream rows, then a hash.

    A pair that history keeps for the future counts as unknown. A pair always gets one side. No id is negative.
    """
    pairs, back = np.unique(pair_number(user_id, movie_id), return_inverse=True)
    sides = hashed_split(pairs >> 32, pairs & 0xFFFFFFFF, train_ratio)
    for name, column in ((STREAM_RATINGS.name, "split"), (SPLIT_RATINGS.name, "side")):
        if len(pairs) and lakehouse.exists(name):
            _keep_known(sides, pairs, _known(lakehouse, name, pairs, column), column)
    return pa.array(sides[back], pa.string())


def hashed_split(user_id: np.ndarray, movie_id: np.ndarray, train_ratio: float) -> np.ndarray:
    """`train` for about `train_ratio` (whole percents) of n pairs, else `test`; (n,) of strings.

    As `pmod(xxhash64(user_id, movie_id, SALT), 100) < 100 * train_ratio` in Spark SQL.
    """
    salt = np.full(len(user_id), SALT, np.int32)
    share = xxhash64(user_id.astype(np.int32), movie_id.astype(np.int32), salt) % SHARES
    return _SIDES[(share >= round(train_ratio * SHARES)).astype(np.int64)]


def _known(lakehouse: Lakehouse, name: str, pairs: np.ndarray, column: str) -> Iterator[pa.RecordBatch]:
    """What a table has of the users of pairs, or of the pairs alone; it is streamed or joined by Spark, never held."""
    columns = [*PAIR, column]
    # Arrow's own memory: a filter over numpy's can abort a process that ends right after reading.
    users = pa.array((pairs >> 32).astype(np.int32))
    if lakehouse.goes_by_frames(name):
        keys = pa.table([users, pa.array((pairs & 0xFFFFFFFF).astype(np.int32))], names=PAIR)
        yield from rows_held(lakehouse, name, keys, columns).to_batches()
        return
    of_them = ds.field("user_id").isin(pac.unique(users))  # `column` is looked at where a pair is known: as fast
    yield from lakehouse.dataset(name, encoded=[column]).scanner(columns=columns, filter=of_them).to_batches()


def _keep_known(sides: np.ndarray, pairs: np.ndarray, known: Iterable[pa.RecordBatch], column: str) -> None:
    """Overwrite the sides of pairs (sorted) that are known."""
    for batch in known:
        found = pair_number(batch["user_id"].to_numpy(), batch["movie_id"].to_numpy())
        order = np.argsort(found)  # 20 M rows against 1 M pairs: 12 s of searches in any order, 3 s in this one
        at = np.minimum(np.searchsorted(pairs, found[order]), len(pairs) - 1)
        wanted = pairs[at] == found[order]
        side = batch[column].take(pa.array(order[wanted])).cast(pa.string())
        is_side = pac.is_in(side, pa.array(LEARNED_SIDES)).to_numpy(zero_copy_only=False)
        sides[at[wanted][is_side]] = side.to_numpy(zero_copy_only=False)[is_side]

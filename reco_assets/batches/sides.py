"""On which side of the split a streamed rating is: the side of its pair where that is known, else a hash decides.

No engine: intake runs in seconds, and a session of the larger engine takes longer than that to start.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac
import pyarrow.dataset as ds

from reco_assets.statistics import pair_number, xxhash64
from reco_assets.tables import SPLIT_RATINGS, STREAM_RATINGS
from reco_assets.vocabulary import LEARNED_SIDES
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
            _keep_known(sides, pairs, lakehouse.dataset(name, encoded=[column]), column)
    return pa.array(sides[back], pa.string())


def hashed_split(user_id: np.ndarray, movie_id: np.ndarray, train_ratio: float) -> np.ndarray:
    """`train` for about `train_ratio` (whole percents) of n pairs, else `test`; (n,) of strings.

    As `pmod(xxhash64(user_id, movie_id, SALT), 100) < 100 * train_ratio` in Spark SQL.
    """
    salt = np.full(len(user_id), SALT, np.int32)
    share = xxhash64(user_id.astype(np.int32), movie_id.astype(np.int32), salt) % SHARES
    return _SIDES[(share >= round(train_ratio * SHARES)).astype(np.int64)]


def _keep_known(sides: np.ndarray, pairs: np.ndarray, known: ds.Dataset, column: str) -> None:
    """Overwrite the sides of pairs (sorted) that the table knows; the table is streamed, never held."""
    # Arrow's own memory: a filter over numpy's can abort a process that ends right after reading.
    users = pac.unique(pa.array((pairs >> 32).astype(np.int32)))
    of_them = ds.field("user_id").isin(users)  # `column` is looked at where a pair is known: it would take as long
    for batch in known.scanner(columns=["user_id", "movie_id", column], filter=of_them).to_batches():
        found = pair_number(batch["user_id"].to_numpy(), batch["movie_id"].to_numpy())
        order = np.argsort(found)  # 20 M rows against 1 M pairs: 12 s of searches in any order, 3 s in this one
        at = np.minimum(np.searchsorted(pairs, found[order]), len(pairs) - 1)
        wanted = pairs[at] == found[order]
        side = batch[column].take(pa.array(order[wanted])).cast(pa.string())
        is_side = pac.is_in(side, pa.array(LEARNED_SIDES)).to_numpy(zero_copy_only=False)
        sides[at[wanted][is_side]] = side.to_numpy(zero_copy_only=False)[is_side]

"""Which of several ratings of one user, movie and time stands: the last one. Pure functions of tables.

Of rows that say the same one after the other the first stays, so that a repeat changes nothing, not even the origin.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from reco_assets.vocabulary import KEY

REPLACES = "replaces"


def last_values(rows: pa.Table, order: Sequence[str]) -> pa.Table:
    """One of the rows (`KEY`, rating, the columns of `order`, any others) per key, in the order of the keys.

    `order` names the columns that say which row came before which. Added is `replaces`: whether another rating of
    that key came before the row.
    """
    steps = value_steps(rows, order)
    keys = _keys(steps)
    last = np.ones(len(steps), bool)
    last[:-1] = _differ(keys)
    return steps.filter(pa.array(last))


def value_steps(rows: pa.Table, order: Sequence[str]) -> pa.Table:
    """The rows that say something other than the row of their key before them, by key and `order`.

    Added is `replaces`, which is false for the first row of each key.
    """
    keys = _keys(rows)
    at = np.lexsort((*(rows[name].to_numpy() for name in reversed(order)), *reversed(keys)))
    rating = rows["rating"].to_numpy()[at]
    first = np.ones(len(at), bool)
    first[1:] = _differ([key[at] for key in keys])
    steps = first.copy()
    steps[1:] |= rating[1:] != rating[:-1]
    return rows.take(pa.array(at[steps])).append_column(REPLACES, pa.array(~first[steps]))


def _keys(rows: pa.Table) -> list[np.ndarray]:
    return [rows[name].cast(pa.int64()).to_numpy() for name in KEY]


def _differ(keys: Sequence[np.ndarray]) -> np.ndarray:
    """Where the n - 1 later of n sorted keys differ from the one before."""
    found: np.ndarray = np.logical_or.reduce([np.diff(key) != 0 for key in keys])
    return found

"""Pure: what had come together of each entity after every moment at which something happened, as exact sums."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Moments:
    """Rows of n events, sorted by entity and time, seen as the m moments of their entities.

    `first` (m,) is the row at which the moment's entity begins, `last` (m,) the moment's own last row.
    """

    first: np.ndarray
    last: np.ndarray

    @classmethod
    def of(cls, ids: np.ndarray, seconds: np.ndarray) -> "Moments":
        """The moments of n rows: `ids` (k, n), as an entity has k ids, and `seconds` (n,); sorted by both."""
        rows = len(seconds)
        other = (ids[:, 1:] != ids[:, :-1]).any(axis=0)
        begins = np.append(np.True_, other)[:rows]
        ends = np.append(other | (seconds[1:] != seconds[:-1]), np.True_)[:rows]
        last = np.flatnonzero(ends)
        return cls(np.flatnonzero(begins)[np.cumsum(begins)[last] - 1], last)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """The sum of an entity's whole numbers up to and with each moment: (n,) to (m,) int32."""
        total = np.append(0, np.cumsum(values, dtype=np.int64))
        found: np.ndarray = total[self.last + 1] - total[self.first]
        return found.astype(np.int32)  # there are 40 sums for each moment of a user

    def fading(self, values: np.ndarray, seconds: np.ndarray, half_life: float) -> np.ndarray:
        """The same sum, but each value counts half after every `half_life` seconds: (n,) to (m,) float64.

        Each entity is summed by itself, as one running sum over all would swallow the weights of old events.
        """
        faded = np.zeros(len(values))
        for start, end in pairwise(np.append(np.unique(self.first), len(values))):
            age = (seconds[start:end] - seconds[start]) / half_life  # of 56 years: exp2(683), below what overflows
            faded[start:end] = np.cumsum(values[start:end] * np.exp2(age)) * np.exp2(-age)
        at_moments: np.ndarray = faded[self.last]
        return at_moments

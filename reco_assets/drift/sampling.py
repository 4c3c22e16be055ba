"""The users that stand for all in a drift report on more users than the driver should hold. Pure.

A hash chooses them, so the same users are chosen in every table and at every version, whatever they rated.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reco_assets.statistics import xxhash64

if TYPE_CHECKING:
    from pyspark.sql import Column

# The mean rating of 50,000 users is within 0.008 stars of that of all in 95 of 100 cases, as on ml-latest-small a user
# pulls it by 0.88 stars / n; the threshold is 0.2 stars. Their counts take 80 MB at 30 test ratings a user.
MOST_USERS = 50_000
SHARES = 1 << 20  # into which a hash divides all users
_SALT = 1996


@dataclass(frozen=True)
class UserSample:
    """The users whose hash is in the first `kept` of `SHARES`; all of them by default."""

    kept: int = SHARES

    @classmethod
    def of(cls, users: int, most: int = MOST_USERS) -> "UserSample":
        """About `most` users of so many, all of them where there are no more."""
        return cls(SHARES if users <= most else max(1, most * SHARES // users))

    @property
    def share(self) -> float:
        """The share of all users that it holds."""
        return self.kept / SHARES

    def holds(self, user_id: np.ndarray) -> np.ndarray:
        """Which of n users are in the sample, (n,) bool."""
        ids = user_id.astype(np.int32)
        found: np.ndarray = xxhash64(ids, np.full(len(ids), _SALT, np.int32)) % SHARES < self.kept
        return found

    def condition(self) -> "Column":
        """The same of a frame's column user_id."""
        from pyspark.sql import functions as F

        return F.pmod(F.xxhash64("user_id", F.lit(_SALT)), F.lit(SHARES)) < F.lit(self.kept)


EVERYBODY = UserSample()

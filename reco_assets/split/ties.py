"""How many of a split's cuts in time lie between ratings of one time, which a hash told apart. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.models.ratings import distinct, positions
from reco_assets.vocabulary import TEST

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MOST_DECIDED = 0.1  # of the test side; ml-latest-small, with times to the second, has 0.013
CUT_BY = {"per_user": ["user_id"], "global": []}  # what each cut in time is one of; other strategies have none
_NEVER = np.int64(-(2**62))  # before all times, and with another sign after them
_NUMBERS = ("cuts", "inside", "tested", "decided")


@dataclass(frozen=True)
class Ties:
    """The cuts between training and test, how many of them lie inside ties, and what these decided.

    Attributes:
        cuts: One a user, or one in all.
        inside: Those with a training and a test rating at the same time.
        tested: Test ratings.
        decided: Those of them at the same time as a training rating (of the same user, where each has a cut).
    """

    cuts: int = 0
    inside: int = 0
    tested: int = 0
    decided: int = 0

    @property
    def share(self) -> float:
        """The share of the test ratings that ties decided, 0 to 1."""
        return self.decided / self.tested if self.tested else 0.0

    @property
    def few(self) -> bool:
        """Whether ties decided so little that the split is one in time."""
        return self.share <= MOST_DECIDED

    def numbers(self) -> dict[str, Any]:
        """What Dagit shows of them."""
        return {
            "time_cuts": self.cuts,
            "time_cuts_inside_ties": self.inside,
            "share_of_cuts_inside_ties": self.inside / self.cuts if self.cuts else 0.0,
            "share_of_test_decided_by_ties": self.share,
        }

    def text(self) -> str:
        """What was found, and what to do where it is much."""
        if not self.cuts:
            return "Nothing was cut in time."
        told = (
            f"{self.inside:,} of {self.cuts:,} cuts in time lie between ratings of one time, which a hash of user and "
            f"movie told apart: {self.share:.1%} of the test ratings"
        )
        if self.few:
            return f"{told}, of which up to {MOST_DECIDED:.0%} are few."
        return (
            f"{told}, over {MOST_DECIDED:.0%}. They are no newer than what is trained on: set SPLIT_STRATEGY=random, "
            "which says what this split is."
        )


def ties_of_table(ratings: pa.Table, strategy: str) -> Ties:
    """Count in memory, for training and test ratings (user_id, rating_ts, side)."""
    if strategy not in CUT_BY:
        return Ties()
    tested = pac.equal(ratings["side"].cast(pa.string()), TEST).to_numpy()
    moment = ratings["rating_ts"].cast(pa.int64()).to_numpy()
    user = ratings["user_id"].to_numpy() if CUT_BY[strategy] else np.zeros(len(tested), np.int32)
    users = distinct(user)
    cut_at = positions(users, user)
    newest, oldest = np.full(len(users), _NEVER), np.full(len(users), -_NEVER)
    np.maximum.at(newest, cut_at[~tested], moment[~tested])  # training
    np.minimum.at(oldest, cut_at[tested], moment[tested])
    # Of a split that was just made these are the ties themselves: to sort all of 10 M ratings took 5 s.
    near = np.flatnonzero(np.where(tested, moment <= newest[cut_at], moment >= oldest[cut_at]))
    near = near[np.lexsort((moment[near], cut_at[near]))]
    decided = np.bincount(cut_at[near], _decided(cut_at[near], moment[near], tested[near]), len(users))
    cuts = (newest > _NEVER) & (oldest < -_NEVER)
    return Ties(int(cuts.sum()), int((decided > 0).sum()), int(tested.sum()), int(decided.sum()))


def _decided(cut_at: np.ndarray, moment: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """Which of n ratings, sorted by cut and time, are test ratings at the time of a training rating: (n,) bool."""
    starts = np.ones(len(tested), bool)
    starts[1:] = (np.diff(cut_at) != 0) | (np.diff(moment) != 0)
    of_moment = np.cumsum(starts) - 1
    trained: np.ndarray = np.bincount(of_moment, ~tested) > 0
    decided: np.ndarray = tested & trained[of_moment]
    return decided


def ties_of_frame(ratings: "DataFrame", strategy: str) -> Ties:
    """As `ties_of_table`, of a frame."""
    from pyspark.sql import functions as F

    if strategy not in CUT_BY:
        return Ties()
    by, tested, all_rows = CUT_BY[strategy], F.sum(F.col("tested")), F.count(F.lit(1))
    rows = ratings.withColumn("tested", (F.col("side") == F.lit(TEST)).cast("long"))
    moments = rows.groupBy(*by, "rating_ts").agg(tested.alias("tested"), all_rows.alias("ratings"))
    decided = F.when(F.col("tested") < F.col("ratings"), F.col("tested")).otherwise(0)
    sums = [F.sum(of).alias(name) for name, of in (("tested", "tested"), ("ratings", "ratings"), ("decided", decided))]
    cuts = moments.groupBy(*by).agg(*sums)
    cut = (F.col("tested") > 0) & (F.col("tested") < F.col("ratings"))
    counted = (cut.cast("long"), (F.col("decided") > 0).cast("long"), F.col("tested"), F.col("decided"))
    [found] = cuts.agg(*(F.sum(of).alias(name) for name, of in zip(_NUMBERS, counted, strict=True))).collect()
    numbers: Mapping[str, Any] = found.asDict()
    return Ties(**{name: numbers[name] or 0 for name in _NUMBERS})

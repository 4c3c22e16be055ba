"""What test ratings a version is judged on, in words, and how many of them are older than what it was trained on."""

from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pac
import pyarrow.dataset as ds

from reco_assets.tables import TEST_RATINGS, TRAIN_RATINGS
from reco_assets.vocabulary import HISTORY
from resources.tables.lakehouse import Lakehouse

_TESTED_ON = {
    "per_user": "each user's newest ratings",
    "global": "ratings that were made after all those trained on",
    "random": "ratings of any time, drawn at random",
    "as_delivered": "the ratings that the source delivers for it",
}
_TIME = "rating_ts"


@dataclass(frozen=True)
class Leakage:
    """How many test ratings there are, how many of them are older than the newest training rating, how many of its very
    time (all, where a source has no times), and how many streamed in.
    """

    tested: int
    older: int
    tied: int = 0
    streamed: int = 0

    @property
    def share(self) -> float:
        """The share of the test ratings that are older, 0 to 1; 0 of none."""
        return self.older / self.tested if self.tested else 0.0

    def is_as_promised(self, split: str) -> bool:
        """Whether none is older where the policy of the split says that none is."""
        return not (split.startswith("global:") and self.older)

    def text(self, split: str) -> str:
        """What figures on these test ratings mean, for a split's policy."""
        tested_on = _TESTED_ON.get(split.partition(":")[0], f"the test ratings of split {split}")
        if self.streamed:
            tested_on += f", and {self.streamed:,} that streamed in and were drawn from their batches by a hash"
        return self.told(tested_on)

    def told(self, tested_on: str) -> str:
        """The same for test ratings that are described in words."""
        if not self.tested:
            return f"Judged on {tested_on}: there are none, so nothing tells how good it is."
        if self.tied == self.tested:
            return f"Judged on {tested_on}: all {self.tested:,} are of one time with the newest training rating."
        told = f"Judged on {tested_on}: {self.share:.1%} of {self.tested:,} are older than the newest training rating"
        if not self.older:
            return f"{told}, so the figures are a forecast's."
        return f"{told}, so the figures may be better than a forecast's, which reco model backtest makes."

    def document(self, split: str) -> dict[str, Any]:
        """The `protocol` section of run_metrics_<version>.json."""
        return {
            "split": split,
            "older_than_newest_training": self.share,
            "streamed": self.streamed,
            "text": self.text(split),
        }


def leakage_of(lakehouse: Lakehouse, train_version: int | None = None, test_version: int | None = None) -> Leakage:
    """Look at a version of either table, or at the newest one. Raises `LakehouseError` where one is missing.

    The rows stream by, one column of them, so any number do, whatever the engine.
    """
    train, test = (
        lakehouse.dataset(TRAIN_RATINGS.name, train_version),
        lakehouse.dataset(TEST_RATINGS.name, test_version),
    )
    return replace(leakage_between(train, test), streamed=test.count_rows(filter=ds.field("origin") != HISTORY))


def leakage_between(train: ds.Dataset, test: ds.Dataset) -> Leakage:
    """Look at any two tables of ratings with `rating_ts`; nothing is known of what streamed in."""
    newest = _newest(train)
    if newest is None:
        return Leakage(test.count_rows(), 0)
    time = ds.field(_TIME).cast(newest.type)
    older, tied = (test.count_rows(filter=each) for each in (time < newest, time == newest))
    return Leakage(test.count_rows(), older, tied)


def _newest(train: ds.Dataset) -> pa.Scalar | None:
    batches = train.scanner(columns=[_TIME]).to_batches()
    newest = [pac.max(batch[_TIME]) for batch in batches if len(batch)]
    return max(newest, key=lambda moment: moment.value) if newest else None

"""A slice of the training ratings to judge settings on, cut as the test side was. Pure.

Settings that are chosen on a slice of another kind are chosen for another task: the newest ratings of users are not
like ratings drawn at random. Test ratings are never looked at: what was chosen by them could not be judged by them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from reco_assets.models.ratings import Ratings
from reco_assets.newest import newest_of_all, newest_of_each_user
from reco_assets.statistics import pair_number, splitmix64

USUAL_SHARE = 0.2
MOSTLY = 0.9  # of the users who have ratings on both sides
SHARES = 10_000  # into which a hash divides all pairs
_DAY = 86_400_000_000  # microseconds

Strategy = Literal["per_user", "global", "random"]


@dataclass(frozen=True)
class Cut:
    """How a slice is cut: each user's newest pairs, the newest of all, or pairs drawn by a hash; and what share."""

    strategy: Strategy = "random"
    share: float = USUAL_SHARE


@dataclass(frozen=True)
class Goal:
    """What is sought: lists of k, relevant from `threshold` stars; the seed of slice and sampler; `engine` by name."""

    k: int
    threshold: float
    seed: int
    engine: str
    cut: Cut = Cut()


@dataclass(frozen=True)
class Dated:
    """Ratings and the moment (n,) int64 of each, in microseconds since 1970; None where it isn't known."""

    ratings: Ratings
    moment: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ratings)

    def where(self, keep: np.ndarray) -> "Dated":
        """Those where `keep` (n,) bool is true."""
        return Dated(self.ratings.where(keep), None if self.moment is None else self.moment[keep])

    def last_days(self, days: int | None) -> "Dated":
        """Those of the last days before the newest, so that the same are found again later; None: all."""
        if days is None or self.moment is None or not len(self):
            return self
        return self.where(self.moment >= self.moment.max() - days * _DAY)


@dataclass(frozen=True)
class Times:
    """Who made n ratings and when: user_id (n,), moment (n,) int64."""

    user_id: np.ndarray
    moment: np.ndarray

    def __len__(self) -> int:
        return len(self.user_id)

    def by_user(self, of: np.ufunc) -> tuple[np.ndarray, np.ndarray]:
        """The users, sorted, and the newest or the oldest moment of each, as `of` is maximum or minimum."""
        order = np.argsort(self.user_id, kind="stable")
        users, first = np.unique(self.user_id[order], return_index=True)
        return users, of.reduceat(self.moment[order], first)


def dated(rows: pa.Table) -> Dated:
    """Ratings of a table, dated where it has `rating_ts`."""
    moment = rows["rating_ts"].cast(pa.int64()).to_numpy() if "rating_ts" in rows.column_names else None
    return Dated(Ratings.from_arrow(rows), moment)


@dataclass(frozen=True)
class Slice:
    """The training ratings that a trial is fitted to, and those that it is judged on; of all users, or of some."""

    fitted: Ratings
    held_out: Ratings
    of_all: bool = True


@dataclass(frozen=True)
class Settled:
    """A configuration after a family's own small search, and what model.json keeps of it: figures, and one `line`."""

    config: Any
    record: Mapping[str, Any]


def cut_of(policy: str) -> Cut:
    """The cut that is like a split by its policy, such as `per_user:test=0.2:future=0.05`; by a hash for any other."""
    strategy, *rest = policy.split(":")
    shares = dict(part.split("=", 1) for part in rest if "=" in part)
    share = float(shares.get("test", USUAL_SHARE)) or USUAL_SHARE
    match strategy:
        case "per_user" | "global":
            return Cut(strategy, share)
    return Cut("random", share)


def cut_by_times(train: Times, test: Times) -> Cut:
    """The cut that is like a split that came with the files, as its times tell; by a hash where they tell nothing."""
    if not len(train) or not len(test):
        return Cut()
    share = len(test) / (len(train) + len(test))
    if train.moment.min() == train.moment.max():
        return Cut("random", share)
    if test.moment.min() >= train.moment.max():
        return Cut("global", share)
    (known, newest), (tested, oldest) = train.by_user(np.maximum), test.by_user(np.minimum)
    _, here, there = np.intersect1d(known, tested, return_indices=True)
    later = oldest[there] >= newest[here]
    return Cut("per_user" if len(later) and later.mean() > MOSTLY else "random", share)


def some_users(train: Dated, most: int, seed: int) -> Dated:
    """All ratings of so many users as have about `most` of them, chosen by a hash; of all users where these do."""
    if len(train) <= most:
        return train
    kept = splitmix64(train.ratings.user_id, seed) % np.uint64(len(train)) < most
    return train.where(kept)


def held_out_slice(train: Dated, goal: Goal) -> Slice:
    """Cut training ratings; however often a user rated a movie, all of it is on one side.

    Where a pair was rated last decides; pairs of one moment stand in the order of a hash.
    """
    ratings, cut = train.ratings, goal.cut
    number = pair_number(ratings.user_id, ratings.movie_id)
    shuffled = splitmix64(number, goal.seed)
    if train.moment is None or cut.strategy == "random":
        held = shuffled % np.uint64(SHARES) < round(cut.share * SHARES)
        return Slice(ratings.where(~held), ratings.where(held))
    pairs, of_pair = np.unique(number, return_inverse=True)
    last = np.full(len(pairs), np.iinfo(np.int64).min)
    np.maximum.at(last, of_pair, train.moment)
    newest = newest_of_each_user if cut.strategy == "per_user" else newest_of_all
    held = newest(pairs, last, cut.share, partial(splitmix64, seed=goal.seed))[of_pair]
    return Slice(ratings.where(~held), ratings.where(held))

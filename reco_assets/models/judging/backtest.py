"""Judging forward in time: train up to a moment, judge on what was rated next, for each of some windows. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from reco_assets.models.baselines import fit_baselines
from reco_assets.models.interface import Recommender
from reco_assets.models.judging.evaluation import Exam, Protocol
from reco_assets.models.judging.pooling import pooled
from reco_assets.models.ratings import Ratings
from reco_assets.statistics import pair_number
from resources.errors import RecoError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BacktestError(RecoError):
    """The ratings can't be judged forward in time; the message says why, and what can be done instead."""


@dataclass(frozen=True)
class Timed:
    """n ratings with their times in microseconds since 1970, (n,) int64."""

    ratings: Ratings
    moment: np.ndarray

    def where(self, keep: np.ndarray) -> "Timed":
        """Those where `keep` (n,) bool is true."""
        return Timed(self.ratings.where(keep), self.moment[keep])


@dataclass(frozen=True)
class Step:
    """One judgement: what a model is trained on, and what it is judged on, which was rated later.

    `name`: the day after which that is, or what was done.
    """

    name: str
    train: Timed
    test: Timed


def windows_of(timed: Timed, windows: int) -> Iterator[Step]:
    """Divide the ratings into so many equal parts and one: each part but the first is judged on, by what is before it.

    Ratings of one time are in one part. Raises `BacktestError` where the times are too few for that.
    """
    if not len(timed.ratings):
        raise BacktestError("There are no ratings to judge on. Load some: reco etl.")
    ends = [int(np.quantile(timed.moment, share, method="inverted_cdf")) for share in _shares(windows)]
    if len(set(ends)) <= windows:
        raise BacktestError(
            f"{windows} windows of equally many ratings can't be told apart by the times of these "
            f"{len(timed.ratings):,} ratings: too many are of one time. Ask for fewer windows, where they have times."
        )
    for until, end in pairwise(ends):
        known = timed.moment <= until
        yield Step(_day(until), timed.where(known), timed.where(~known & (timed.moment <= end)))


def retraining_steps(known: Timed, streamed: Timed) -> Iterator[Step]:
    """Judge on the newer half of what streamed in: trained on what was known before, and on the older half too.

    Raises `BacktestError` where the streamed ratings have no two times.
    """
    if not len(streamed.ratings):
        raise BacktestError("Nothing that streamed in is in training or test yet. Leave out --streamed.")
    older = streamed.moment <= int(np.quantile(streamed.moment, 0.5, method="inverted_cdf"))
    if older.all():
        raise BacktestError("What streamed in is of one time, so no half of it is newer. Leave out --streamed.")
    first, second = streamed.where(older), streamed.where(~older)
    both = Timed(Ratings.concat([known.ratings, first.ratings]), np.concatenate([known.moment, first.moment]))
    yield Step("not retrained", known, second)
    yield Step("retrained", both, second)


def judge_step(step: Step, fit: Callable[[Ratings], Recommender], protocol: Protocol) -> dict[str, Any]:
    """Train and judge one step, beside baselines that are fitted to the same.

    Pairs that were trained on are no test, when they are rated again.
    """
    train, test = step.train.ratings, step.test.ratings
    again = np.isin(pair_number(test.user_id, test.movie_id), pair_number(train.user_id, train.movie_id))
    exam = Exam(test.where(~again), train, protocol)
    found, beside = exam.evaluate_beside(fit(train), fit_baselines(train))
    return {
        "name": step.name,
        "trained_until": _time(step.train.moment),
        "tested_until": _time(step.test.moment),
        "train_count": len(train),
        "rated_again": int(again.sum()),
        **found.document(),
        **beside.document(),
    }


def together(steps: Sequence[Mapping[str, Any]], protocol: Protocol) -> dict[str, Any]:
    """The figures of all windows, each by how many pairs or users it has; who is in two counts twice."""
    return pooled([{**step, "by_origin": {}} for step in steps], protocol.cold_start)


def _shares(windows: int) -> np.ndarray:
    shares: np.ndarray = np.arange(1, windows + 2) / (windows + 1)
    return shares


def _day(moment: int) -> str:
    return (_EPOCH + timedelta(microseconds=moment)).date().isoformat()


def _time(moments: np.ndarray) -> str | None:
    return (_EPOCH + timedelta(microseconds=int(moments.max()))).isoformat() if len(moments) else None

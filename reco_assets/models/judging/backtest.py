"""Judging forward in time: train up to a moment, judge on what was rated next, for each of some windows. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from reco_assets.models.interface import Baselines, Recommender
from reco_assets.models.judging.evaluation import Exam, Protocol
from reco_assets.models.judging.pooling import pooled
from reco_assets.models.ratings import Ratings
from reco_assets.models.trial_slice import Dated
from reco_assets.statistics import pair_number
from resources.errors import RecoError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BacktestError(RecoError):
    """The ratings can't be judged forward in time; the message says why, and what can be done instead."""


@dataclass(frozen=True)
class Step:
    """One judgement: what a model is trained on, and what it is judged on, which was rated later.

    `name`: the day after which that is, or what was done.
    """

    name: str
    train: Dated
    test: Dated


@dataclass(frozen=True)
class Fitted:
    """A model, the baselines of what it was trained on, and its settings, as documents show them."""

    model: Recommender
    baselines: Baselines
    settings: Mapping[str, Any]


def windows_of(ratings: Dated, windows: int) -> Iterator[Step]:
    """Divide the ratings into so many equal parts and one: each part but the first is judged on, by what is before it.

    Ratings of one time are in one part. Raises `BacktestError` where the times are too few for that.
    """
    if not len(ratings):
        raise BacktestError("There are no ratings to judge on. Load some: reco etl.")
    moment = moments(ratings)
    ends = [int(np.quantile(moment, share, method="inverted_cdf")) for share in _shares(windows)]
    if len(set(ends)) <= windows:
        raise BacktestError(
            f"{windows} windows of equally many ratings can't be told apart by the times of these "
            f"{len(ratings):,} ratings: too many are of one time. Ask for fewer windows, where they have times."
        )
    for until, end in pairwise(ends):
        known = moment <= until
        yield Step(time_of(until).date().isoformat(), ratings.where(known), ratings.where(~known & (moment <= end)))


def retraining_steps(known: Dated, streamed: Dated) -> Iterator[Step]:
    """Judge on the newer half of what streamed in: trained on what was known before, and on the older half too.

    Raises `BacktestError` where the streamed ratings have no two times.
    """
    if not len(streamed):
        raise BacktestError("Nothing that streamed in is in training or test yet. Leave out --streamed.")
    moment = moments(streamed)
    older = moment <= middle_of(moment)
    if older.all():
        raise BacktestError("What streamed in is of one time, so no half of it is newer. Leave out --streamed.")
    first, second = streamed.where(older), streamed.where(~older)
    both = Dated(Ratings.concat([known.ratings, first.ratings]), np.concatenate([moments(known), moments(first)]))
    yield Step("not retrained", known, second)
    yield Step("retrained", both, second)


def moments(ratings: Dated) -> np.ndarray:
    """When each rating was made. Raises `BacktestError` where that isn't known."""
    if ratings.moment is None:
        raise BacktestError("These ratings have no times, so none of them can be judged forward in time.")
    return ratings.moment


def middle_of(moment: np.ndarray) -> int:
    """The newest moment of the older half of some (n,), n > 0."""
    return int(np.quantile(moment, 0.5, method="inverted_cdf"))


def not_trained_on(test: Ratings, train: Ratings) -> Ratings:
    """The test ratings without pairs that were trained on, when they are rated again."""
    return test.where(~np.isin(pair_number(test.user_id, test.movie_id), pair_number(train.user_id, train.movie_id)))


def judge_step(step: Step, fit: Callable[[Dated], Fitted], protocol: Protocol) -> dict[str, Any]:
    """Train and judge one step, beside baselines that are fitted to the same."""
    train, fitted = step.train.ratings, fit(step.train)
    exam = Exam(not_trained_on(step.test.ratings, train), train, protocol)
    found, beside = exam.evaluate_beside(fitted.model, fitted.baselines)
    return {
        "name": step.name,
        "trained_until": _time(moments(step.train)),
        "tested_until": _time(moments(step.test)),
        "train_count": len(train),
        "rated_again": len(step.test) - len(exam.test),
        "hyperparameters": dict(fitted.settings),
        **found.document(),
        **beside.document(),
    }


def together(steps: Sequence[Mapping[str, Any]], protocol: Protocol) -> dict[str, Any]:
    """The figures of all windows, each by how many pairs or users it has; who is in two counts twice."""
    return pooled([{**step, "by_origin": {}} for step in steps], protocol.cold_start)


def time_of(moment: int) -> datetime:
    """The time (UTC) of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=moment)


def _shares(windows: int) -> np.ndarray:
    shares: np.ndarray = np.arange(1, windows + 2) / (windows + 1)
    return shares


def _time(moments: np.ndarray) -> str | None:
    return time_of(int(moments.max())).isoformat() if len(moments) else None

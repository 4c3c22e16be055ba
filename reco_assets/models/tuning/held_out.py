"""A slice of the training ratings to judge settings on, and how a model scores there.

The slice is chosen by a hash of the pair, so it is the same in every trial and after every restart. Test ratings are
never looked at: what was chosen by them could not be judged by them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reco_assets.models.interface import Measure, Recommender
from reco_assets.models.judging.metrics import ranking_metrics, rmse
from reco_assets.models.ratings import Ratings
from reco_assets.statistics import pair_number, splitmix64
from resources.errors import RecoError

HELD_OUT_PERCENT = 10


class TuningError(RecoError):
    """There is nothing to tune on; the message says what is missing."""


@dataclass(frozen=True)
class Goal:
    """What is sought: lists of k, relevant from `threshold` stars; the seed of slice and sampler; `engine` by name."""

    k: int
    threshold: float
    seed: int
    engine: str


@dataclass(frozen=True)
class Slice:
    """The training ratings that a trial is fitted to, and those that it is judged on."""

    fitted: Ratings
    held_out: Ratings


@dataclass(frozen=True)
class Judge:
    """How models are judged by one measure: the metric's name, which way is better, and what a model scores."""

    metric: str
    direction: Literal["minimize", "maximize"]
    score: Callable[[Recommender], float]


def held_out_slice(train: Ratings, seed: int) -> Slice:
    """Every tenth pair by a hash of it; however often a user rated a movie, all of it is on one side."""
    held = splitmix64(pair_number(train.user_id, train.movie_id), seed) % np.uint64(100) < HELD_OUT_PERCENT
    return Slice(train.where(~held), train.where(held))


def judges(ratings: Slice, goal: Goal) -> dict[Measure, Judge]:
    """How models are judged, by measure. Raises `TuningError` when there is nothing to judge them on."""
    fitted, held = ratings.fitted, ratings.held_out
    warm = held.where(np.isin(held.user_id, fitted.user_id) & np.isin(held.movie_id, fitted.movie_id))
    judged = np.unique(held.user_id[held.rating >= goal.threshold])
    if not len(warm) or not len(judged):
        raise TuningError(
            f"Of {len(fitted) + len(held)} training ratings none can be held out to tune on: there must be users with "
            f"several ratings, and some of at least {goal.threshold:g} stars. Train on the settings as they are: "
            "reco train."
        )

    def stars(model: Recommender) -> float:
        return rmse(model.predict(warm.user_id, warm.movie_id), warm.rating)

    def lists(model: Recommender) -> float:
        return ranking_metrics(model.recommend(judged, goal.k, seen=fitted), held, goal.k, goal.threshold).ndcg

    return {"rmse": Judge("rmse", "minimize", stars), "ndcg": Judge(f"ndcg@{goal.k}", "maximize", lists)}

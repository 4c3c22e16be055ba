"""How a model scores on a slice of the training ratings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reco_assets.models.interface import Measure, Recommender
from reco_assets.models.judging.metrics import ranking_metrics, rmse
from reco_assets.models.trial_slice import Goal, Slice
from resources.errors import RecoError


class TuningError(RecoError):
    """There is nothing to tune on; the message says what is missing."""


@dataclass(frozen=True)
class Judge:
    """How models are judged by one measure: the metric's name, which way is better, and what a model scores."""

    metric: str
    direction: Literal["minimize", "maximize"]
    score: Callable[[Recommender], float]


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

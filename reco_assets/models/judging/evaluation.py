"""Judging a model on test ratings: stars on warm and on all pairs, lists over the full catalogue, two baselines."""

import math
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from reco_assets.models.interface import Baselines, Recommender, TopN
from reco_assets.models.judging.comparison import UserScores
from reco_assets.models.judging.metrics import RankingMetrics, UserNdcg, mae, ranking_by_user, ranking_metrics, rmse
from reco_assets.models.ratings import Ratings, positions
from reco_assets.vocabulary import HISTORY
from resources.files import plain_json
from resources.settings.training import JudgingSettings

ColdStart = Literal["drop", "nan"]


@dataclass(frozen=True)
class Protocol:
    """How a model is judged: lists of k, relevance from `threshold` stars, cold pairs dropped or counted NaN."""

    k: int
    threshold: float
    cold_start: ColdStart
    split: str


def protocol_of(settings: JudgingSettings, split: str) -> Protocol:
    """How the settings ask to judge a model that was trained on a split."""
    return Protocol(settings.k, settings.rating_threshold, settings.cold_start_strategy, split)


@dataclass(frozen=True)
class Evaluation:
    """Errors in stars: `rmse`, `mae` on warm pairs, `rmse_all`, `mae_all` on all; coverage = warm / all.

    `by_user` is what `ranking.ndcg` and `rmse_all` are made of.
    """

    rmse: float
    mae: float
    rmse_all: float
    mae_all: float
    test_count: int
    predictions_count: int
    coverage: float
    split: str
    ranking: RankingMetrics
    by_user: UserScores = field(repr=False, compare=False)

    def document(self) -> dict[str, Any]:
        """The `evaluation` and `ranking` sections of run_metrics_<version>.json; NaN becomes null."""
        stars = {key: value for key, value in asdict(self).items() if not isinstance(value, dict)}
        plain: dict[str, Any] = plain_json({"evaluation": stars, "ranking": asdict(self.ranking)})
        return plain


@dataclass(frozen=True)
class BaselineScores:
    """What the baselines scored on the same: bias-only's error in stars on the pairs warm for the judged model."""

    bias_only_rmse: float
    popularity: RankingMetrics

    def document(self) -> dict[str, Any]:
        """The `baselines` section of run_metrics_<version>.json; NaN becomes null."""
        popular = {"ndcg": self.popularity.ndcg, "hit_rate": self.popularity.hit_rate}
        sections = {"bias_only": {"rmse": self.bias_only_rmse}, "popularity": popular}
        plain: dict[str, Any] = plain_json({"baselines": sections})
        return plain


def evaluate(model: Recommender, test: Ratings, train: Ratings, protocol: Protocol) -> Evaluation:
    """Judge a model on test ratings; movies a user rated in `train` are left out of the user's list."""
    warm = model.knows(test.user_id, test.movie_id)
    predicted = model.predict(test.user_id, test.movie_id)
    counted = warm if protocol.cold_start == "drop" else np.ones(len(test), bool)
    stars = predicted if protocol.cold_start == "drop" else np.where(warm, predicted, np.nan)
    ranking, ndcg = ranking_by_user(_lists(model, test, train, protocol), test, protocol.k, protocol.threshold)
    return Evaluation(
        rmse=rmse(stars[counted], test.rating[counted]),
        mae=mae(stars[counted], test.rating[counted]),
        rmse_all=rmse(predicted, test.rating),
        mae_all=mae(predicted, test.rating),
        test_count=len(test),
        predictions_count=int(warm.sum()),
        coverage=float(warm.mean()) if len(test) else math.nan,
        split=protocol.split,
        ranking=ranking,
        by_user=_by_user(predicted, test, ndcg),
    )


def evaluate_baselines(
    baselines: Baselines, model: Recommender, test: Ratings, train: Ratings, protocol: Protocol
) -> BaselineScores:
    """Judge the baselines on what a model is judged on: the stars on its warm pairs, the lists on all its users."""
    return BaselineScores(
        _error_of_biases(baselines.bias_only, model, test), _lists_of_popularity(baselines, test, train, protocol)
    )


@dataclass(frozen=True)
class Trial:
    """What models are judged on: n test ratings, which of them came by stream (n,) bool, and what was trained on.

    The baselines are fitted to what the candidate was trained on.
    """

    test: Ratings
    streamed: np.ndarray
    train: Ratings
    protocol: Protocol
    baselines: Baselines

    def evaluate(self, model: Recommender) -> Evaluation:
        """Judge a model on all of it."""
        return evaluate(model, self.test, self.train, self.protocol)

    def evaluate_baselines(self, model: Recommender) -> BaselineScores:
        """Judge the baselines beside a model."""
        return BaselineScores(_error_of_biases(self.baselines.bias_only, model, self.test), self._popularity)

    @cached_property
    def _popularity(self) -> RankingMetrics:
        # The same beside every model, and as dear as the lists of one: candidate and champion share it.
        return _lists_of_popularity(self.baselines, self.test, self.train, self.protocol)

    def by_origin(self, model: Recommender, whole: Evaluation) -> dict[str, dict[str, Any]]:
        """Errors, NDCG and hit rate on ratings from `history` and from `stream` apart; `whole` is on all of them.

        An origin without ratings is left out.
        """
        parts = {HISTORY: ~self.streamed, "stream": self.streamed}
        return {
            name: _summary(whole if part.all() else replace(self, test=self.test.where(part)).evaluate(model))
            for name, part in parts.items()
            if part.any()
        }


def _error_of_biases(bias_only: Recommender, model: Recommender, test: Ratings) -> float:
    pairs = test.where(model.knows(test.user_id, test.movie_id))
    return rmse(bias_only.predict(pairs.user_id, pairs.movie_id), pairs.rating)


def _lists_of_popularity(baselines: Baselines, test: Ratings, train: Ratings, protocol: Protocol) -> RankingMetrics:
    popular = _lists(baselines.popularity, test, train, protocol)
    return ranking_metrics(popular, test, protocol.k, protocol.threshold)


def _lists(model: Recommender, test: Ratings, train: Ratings, protocol: Protocol) -> TopN:
    judged = np.unique(test.user_id[test.rating >= protocol.threshold])
    return model.recommend(judged, protocol.k, seen=train)


def _by_user(predicted: np.ndarray, test: Ratings, lists: UserNdcg) -> UserScores:
    users, of_user = np.unique(test.user_id, return_inverse=True)
    ndcg = np.full(len(users), np.nan)
    ndcg[positions(users, lists.user_id)] = lists.ndcg
    errors = (predicted.astype(np.float64) - test.rating) ** 2
    count = len(users)
    return UserScores(users, ndcg, np.bincount(of_user, errors, count), np.bincount(of_user, minlength=count))


def _summary(found: Evaluation) -> dict[str, Any]:
    sections = found.document()
    return {**sections["evaluation"], **{key: sections["ranking"][key] for key in ("ndcg", "hit_rate", "users")}}

"""Judging a model on test ratings: stars on warm and on all pairs, lists over the full catalogue, two baselines.

Pure.
"""

import math
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from reco_assets.models.interface import Baselines, Recommender, TopN
from reco_assets.models.judging.comparison import UserScores
from reco_assets.models.judging.metrics import RankingMetrics, Relevant, UserNdcg, mae, ranking_by_user, rmse
from reco_assets.models.judging.tally import Tally
from reco_assets.models.ratings import Ratings, distinct, positions
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
class Answers:
    """What a model said of n test ratings: warm (n,) bool, predicted (n,) stars, lists of who has something to find."""

    warm: np.ndarray
    predicted: np.ndarray
    lists: TopN

    def where(self, keep: np.ndarray) -> "Answers":
        """What it said of the ratings where `keep` (n,) bool is true."""
        return Answers(self.warm[keep], self.predicted[keep], self.lists)


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
        stars = {key: value for key, value in vars(self).items() if key not in ("ranking", "by_user")}
        plain: dict[str, Any] = plain_json({"evaluation": stars, "ranking": asdict(self.ranking)})
        return plain


@dataclass(frozen=True)
class BaselineScores:
    """What the baselines scored on the same: bias-only's errors in stars, `bias_only_rmse` on the pairs that are warm
    for the judged model, and what popularity's lists came to.
    """

    bias_only_rmse: float
    bias_only_rmse_all: float
    popularity: RankingMetrics

    def document(self) -> dict[str, Any]:
        """The `baselines` section of run_metrics_<version>.json; NaN becomes null."""
        popular = {"ndcg": self.popularity.ndcg, "hit_rate": self.popularity.hit_rate}
        stars = {"rmse": self.bias_only_rmse, "rmse_all": self.bias_only_rmse_all}
        sections = {"bias_only": stars, "popularity": popular}
        plain: dict[str, Any] = plain_json({"baselines": sections})
        return plain


@dataclass(frozen=True)
class BaselineAnswers:
    """What the baselines said of n test ratings, bias-only's stars and popularity's lists, and what the lists came to.

    `by_user` has both: the NDCG of popularity's lists, and the errors of bias-only's stars.
    """

    answers: Answers
    popularity: RankingMetrics
    by_user: UserScores


@dataclass(frozen=True)
class Judgement:
    """What a model came to: `evaluation`, `ranking`, `baselines` and `by_origin` of run_metrics_<version>.json,
    and the scores of users, its own and the baselines', by which it is compared with them and with another model.
    The tally, where slices were asked for, is of all models that were judged together.
    """

    sections: dict[str, Any]
    by_user: UserScores
    baselines: UserScores
    tally: Tally | None = None


@dataclass(frozen=True)
class Exam:
    """n test ratings, what was trained on, and how models are judged. What is the same for every model is kept."""

    test: Ratings
    train: Ratings
    protocol: Protocol

    def evaluate(self, model: Recommender) -> Evaluation:
        """Judge a model; movies that a user rated in `train` are left out of the user's list."""
        return self.mark(self.answers(model))

    def evaluate_beside(self, model: Recommender, baselines: Baselines) -> tuple[Evaluation, BaselineScores]:
        """Judge a model, and baselines on the same: their stars on its warm pairs, their lists on all its users."""
        answers = self.answers(model)
        return self.mark(answers), self.beside(self.ask(baselines), answers.warm)

    def answers(self, model: Recommender) -> Answers:
        """What a model says of the test ratings."""
        pairs = self.test.user_id, self.test.movie_id
        return Answers(model.knows(*pairs), model.predict(*pairs), self.lists(model))

    def mark(self, answers: Answers) -> Evaluation:
        """Judge what a model answered."""
        drop, stars = self.protocol.cold_start == "drop", self.test.rating
        counted = answers.warm if drop else np.ones(len(stars), bool)
        predicted = answers.predicted if drop else np.where(answers.warm, answers.predicted, np.nan)
        ranking, ndcg = ranking_by_user(answers.lists, self.relevant, self.protocol.k)
        return Evaluation(
            rmse=rmse(predicted[counted], stars[counted]),
            mae=mae(predicted[counted], stars[counted]),
            rmse_all=rmse(answers.predicted, stars),
            mae_all=mae(answers.predicted, stars),
            test_count=len(stars),
            predictions_count=int(answers.warm.sum()),
            coverage=float(answers.warm.mean()) if len(stars) else math.nan,
            split=self.protocol.split,
            ranking=ranking,
            by_user=_by_user(answers.predicted, self.test, ndcg),
        )

    def ask(self, baselines: Baselines) -> BaselineAnswers:
        """What baselines say of the test ratings."""
        pairs, stars = (self.test.user_id, self.test.movie_id), baselines.bias_only
        answers = Answers(stars.knows(*pairs), stars.predict(*pairs), self.lists(baselines.popularity))
        ranking, ndcg = ranking_by_user(answers.lists, self.relevant, self.protocol.k)
        return BaselineAnswers(answers, ranking, _by_user(answers.predicted, self.test, ndcg))

    def beside(self, baselines: BaselineAnswers, warm: np.ndarray) -> BaselineScores:
        """Judge what baselines answered, beside a model for which the test ratings are `warm` (n,) bool."""
        stars, predicted = self.test.rating, baselines.answers.predicted
        return BaselineScores(rmse(predicted[warm], stars[warm]), rmse(predicted, stars), baselines.popularity)

    def rank(self, model: Recommender) -> RankingMetrics:
        """Judge a model's lists alone."""
        return ranking_by_user(self.lists(model), self.relevant, self.protocol.k)[0]

    def lists(self, model: Recommender) -> TopN:
        """A model's lists for all who have something to find."""
        return model.recommend(self.relevant.user_id, self.protocol.k, seen=self.train)

    def where(self, keep: np.ndarray) -> "Exam":
        """The same on the test ratings where `keep` (n,) bool is true."""
        return replace(self, test=self.test.where(keep))

    @cached_property
    def relevant(self) -> Relevant:
        """What lists should hold."""
        return Relevant.of(self.test, self.protocol.threshold)


@dataclass(frozen=True)
class Trial:
    """An exam of n test ratings, which of them came by stream (n,) bool, and baselines to judge beside each model.

    The baselines are fitted to what the candidate was trained on.
    """

    exam: Exam
    streamed: np.ndarray
    baselines: Baselines

    def judge(self, model: Recommender) -> Judgement:
        """Judge a model, with the baselines beside it, which are asked once for all models."""
        return self.mark(self.exam.answers(model))

    def mark(self, answers: Answers) -> Judgement:
        """Judge what a model answered."""
        found, beside = self.exam.mark(answers), self.exam.beside(self.asked, answers.warm)
        sections = {**found.document(), **beside.document(), "by_origin": self._by_origin(found, answers)}
        return Judgement(sections, found.by_user, self.asked.by_user)

    def _by_origin(self, found: Evaluation, answers: Answers) -> dict[str, dict[str, Any]]:
        """Errors, NDCG and hit rate on ratings from `history` and from `stream` apart.

        An origin without ratings is left out. A user's list is the same whatever it is judged by, so none is made here.
        """
        parts = {HISTORY: ~self.streamed, "stream": self.streamed}
        return {
            name: _summary(found if part.all() else self.exam.where(part).mark(answers.where(part)))
            for name, part in parts.items()
            if part.any()
        }

    @cached_property
    def asked(self) -> BaselineAnswers:
        """What the baselines answered."""
        return self.exam.ask(self.baselines)


def _by_user(predicted: np.ndarray, test: Ratings, lists: UserNdcg) -> UserScores:
    users = distinct(test.user_id)
    of_user = positions(users, test.user_id)
    ndcg = np.full(len(users), np.nan)
    ndcg[positions(users, lists.user_id)] = lists.ndcg
    errors = (predicted.astype(np.float64) - test.rating) ** 2
    count = len(users)
    return UserScores(users, ndcg, np.bincount(of_user, errors, count), np.bincount(of_user, minlength=count))


def _summary(found: Evaluation) -> dict[str, Any]:
    sections = found.document()
    return {**sections["evaluation"], **{key: sections["ranking"][key] for key in ("ndcg", "hit_rate", "users")}}

"""Ranking and rating metrics, as arrays in and numbers out. Pure.

Definitions follow Järvelin & Kekäläinen (2002) for NDCG with binary gains, and TREC's trec_eval for the rest;
tests compare them with `ranx` to 1e-9.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from reco_assets.models.interface import TopN
from reco_assets.models.ratings import Ratings, distinct, positions
from reco_assets.statistics import pair_number


@dataclass(frozen=True)
class RankingMetrics:
    """Means over `users`, the users with at least one relevant movie; `skipped_users` had none."""

    k: int
    threshold: float
    users: int
    skipped_users: int
    ndcg: float
    precision: float
    recall: float
    recall_capped: float
    map: float
    hit_rate: float


@dataclass(frozen=True)
class UserNdcg:
    """The users that `RankingMetrics` are means over: user_id (u,) sorted, ndcg (u,)."""

    user_id: np.ndarray
    ndcg: np.ndarray


@dataclass(frozen=True)
class Relevant:
    """What lists should hold, by test ratings of at least `threshold` stars.

    user_id (u,): who has something to find, sorted; count (u,): how much; pairs (p,) int64: user and movie as one
    number, sorted; skipped_users: how many of those who were tested have nothing to find.
    """

    threshold: float
    user_id: np.ndarray
    count: np.ndarray
    pairs: np.ndarray
    skipped_users: int

    @classmethod
    def of(cls, test: Ratings, threshold: float) -> Self:
        """Find it in test ratings; a pair that was rated twice is one."""
        liked = test.where(test.rating >= threshold)
        pairs = np.sort(pair_number(liked.user_id, liked.movie_id))  # np.unique hashes, and takes 6 times as long
        pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]]
        user_id, count = np.unique_counts(pairs >> 32)
        return cls(threshold, user_id, count, pairs, len(distinct(test.user_id)) - len(user_id))


def ranking_metrics(lists: TopN, test: Ratings, k: int, threshold: float) -> RankingMetrics:
    """Metrics at k of lists over the full catalogue; relevant are test ratings of at least `threshold` stars.

    `recall` divides hits by all relevant movies of the user, `recall_capped` by at most k of them. A user
    without a list counts as zero.
    """
    return ranking_by_user(lists, Relevant.of(test, threshold), k)[0]


def ranking_by_user(lists: TopN, relevant: Relevant, k: int) -> tuple[RankingMetrics, UserNdcg]:
    """As `ranking_metrics`, and beside the means what each user's list scored."""
    hits = _hits(lists, relevant, k)
    found = hits.sum(axis=1)
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    capped = np.minimum(relevant.count, k)
    ideal = np.concatenate([[1.0], np.cumsum(discount)])[capped]
    precision_at = np.cumsum(hits, axis=1) / np.arange(1, k + 1)
    ndcg = (hits @ discount) / ideal
    means = RankingMetrics(
        k=k,
        threshold=relevant.threshold,
        users=len(relevant.user_id),
        skipped_users=relevant.skipped_users,
        ndcg=_mean(ndcg),
        precision=_mean(found / k),
        recall=_mean(found / relevant.count),
        recall_capped=_mean(found / capped),
        map=_mean((precision_at * hits).sum(axis=1) / relevant.count),
        hit_rate=_mean(found > 0),
    )
    return means, UserNdcg(relevant.user_id, ndcg)


def rmse(predicted: np.ndarray, actual: np.ndarray) -> float:
    """Root mean squared error of n predictions, in stars; NaN for none."""
    return float(np.sqrt(_mean((predicted.astype(np.float64) - actual) ** 2)))


def mae(predicted: np.ndarray, actual: np.ndarray) -> float:
    """Mean absolute error of n predictions, in stars; NaN for none."""
    return _mean(np.abs(predicted.astype(np.float64) - actual))


def _hits(lists: TopN, relevant: Relevant, k: int) -> np.ndarray:
    """(judged users, k) of 0.0 and 1.0: whether the user's movie at that rank is relevant."""
    hits = np.zeros((len(relevant.user_id), k))
    order = np.argsort(lists.user_id)
    at = positions(lists.user_id[order], relevant.user_id)
    listed = np.flatnonzero(at >= 0)
    movies = lists.movie_id[order[at[listed]], :k]
    pairs = pair_number(relevant.user_id[listed][:, None], movies)
    hits[listed[:, None], np.arange(movies.shape[1])] = (positions(relevant.pairs, pairs.ravel()) >= 0).reshape(
        pairs.shape
    )
    return hits


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")

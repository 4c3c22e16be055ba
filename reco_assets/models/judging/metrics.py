"""Ranking and rating metrics, as arrays in and numbers out.

Definitions follow Järvelin & Kekäläinen (2002) for NDCG with binary gains, and TREC's trec_eval for the rest;
tests compare them with `ranx` to 1e-9.
"""

from dataclasses import dataclass

import numpy as np

from reco_assets.models.interface import TopN
from reco_assets.models.ratings import Ratings, positions


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


def ranking_metrics(lists: TopN, test: Ratings, k: int, threshold: float) -> RankingMetrics:
    """Metrics at k of lists over the full catalogue; relevant are test ratings of at least `threshold` stars.

    `recall` divides hits by all relevant movies of the user, `recall_capped` by at most k of them. A user
    without a list counts as zero.
    """
    return ranking_by_user(lists, test, k, threshold)[0]


def ranking_by_user(lists: TopN, test: Ratings, k: int, threshold: float) -> tuple[RankingMetrics, UserNdcg]:
    """As `ranking_metrics`, and beside the means what each user's list scored."""
    users = np.unique(test.user_id)
    relevant = np.unique(_pairs(test.where(test.rating >= threshold)), axis=0)
    judged, relevant_count = np.unique(relevant[:, 0], return_counts=True)
    hits = _hits(lists, judged, relevant, k)
    found = hits.sum(axis=1)
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    capped = np.minimum(relevant_count, k)
    ideal = np.concatenate([[1.0], np.cumsum(discount)])[capped]
    precision_at = np.cumsum(hits, axis=1) / np.arange(1, k + 1)
    ndcg = (hits @ discount) / ideal
    means = RankingMetrics(
        k=k,
        threshold=threshold,
        users=len(judged),
        skipped_users=len(users) - len(judged),
        ndcg=_mean(ndcg),
        precision=_mean(found / k),
        recall=_mean(found / relevant_count),
        recall_capped=_mean(found / capped),
        map=_mean((precision_at * hits).sum(axis=1) / relevant_count),
        hit_rate=_mean(found > 0),
    )
    return means, UserNdcg(judged, ndcg)


def rmse(predicted: np.ndarray, actual: np.ndarray) -> float:
    """Root mean squared error of n predictions, in stars; NaN for none."""
    return float(np.sqrt(_mean((predicted.astype(np.float64) - actual) ** 2)))


def mae(predicted: np.ndarray, actual: np.ndarray) -> float:
    """Mean absolute error of n predictions, in stars; NaN for none."""
    return _mean(np.abs(predicted.astype(np.float64) - actual))


def _pairs(ratings: Ratings) -> np.ndarray:
    return np.column_stack([ratings.user_id, ratings.movie_id]).astype(np.int64)


def _hits(lists: TopN, judged: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """(judged users, k) of 0.0 and 1.0: whether the user's movie at that rank is relevant."""
    hits = np.zeros((len(judged), k))
    order = np.argsort(lists.user_id)
    at = positions(lists.user_id[order], judged)
    listed = np.flatnonzero(at >= 0)
    movies = lists.movie_id[order[at[listed]], :k].astype(np.int64)
    keys = judged[listed][:, None].astype(np.int64) << 32 | (movies & 0xFFFFFFFF)
    hits[listed[:, None], np.arange(movies.shape[1])] = np.isin(keys, relevant[:, 0] << 32 | relevant[:, 1])
    return hits


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")

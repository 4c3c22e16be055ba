"""How well movies without ratings are ranked for each user: by movies whose ratings were all hidden. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.special import stdtrit

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Found:
    """Hidden movies that users like: p pairs of positions, user (p,) and movie (p,), and how well each was ranked.

    auc, ndcg (p,): the share of a user's other movies that stand below the movie, and its part of the user's NDCG.
    """

    user: np.ndarray
    movie: np.ndarray
    auc: np.ndarray
    ndcg: np.ndarray


def find(score: Callable[[int], np.ndarray], liked: sp.csr_matrix, rated: sp.csr_matrix, k: int) -> Found:
    """Look where the movies that users like stand among all that they don't.

    Args:
        score: Brings what a user at a position gives to all movies, (movies,).
        liked: What each user likes, (users, movies).
        rated: What each user rated; what isn't liked of that is left out.
        k: Movies below the k-th place add nothing to the NDCG.

    Returns:
        Each liked movie of who doesn't like all there is. Of movies with one score any order is as likely, so a figure
        is the mean over these orders.
    """
    discounts = np.append(0, np.cumsum(_discounts(liked.shape[1], k)))
    users, movies, auc, ndcg = [], [], [], []
    for user in range(liked.shape[0]):
        own = liked.indices[liked.indptr[user] : liked.indptr[user + 1]]
        others = np.ones(liked.shape[1], bool)
        others[rated.indices[rated.indptr[user] : rated.indptr[user + 1]]] = False
        others[own] = False
        if not len(own) or not others.any():
            continue
        scores = score(user)
        below, not_above = _below(scores[own], scores[others])
        ahead, up_to = _below(-scores[own], -scores[np.append(np.flatnonzero(others), own)])
        users.append(np.full(len(own), user))
        movies.append(own)
        auc.append((below + not_above) / 2 / others.sum())
        ndcg.append((discounts[up_to] - discounts[ahead]) / (up_to - ahead) / discounts[len(own)])
    columns = ((users, np.int64), (movies, np.int64), (auc, np.float64), (ndcg, np.float64))
    return Found(*(np.concatenate([np.zeros(0, kind), *parts]) for parts, kind in columns))


def random_ndcg(found: Found, rated: sp.csr_matrix, k: int) -> float:
    """The mean NDCG of users whose movies stand in any order, each as likely."""
    users, counts = np.unique(found.user, return_counts=True)
    ranked = rated.shape[1] - np.diff(rated.indptr)[users] + counts
    at = np.cumsum(_discounts(rated.shape[1], k))
    return float(np.mean(counts / ranked * at[ranked - 1] / at[counts - 1])) if len(users) else 0.0


def mean_of_users(found: Found, values: np.ndarray, *, summed: bool = False) -> Estimate:
    """The mean over users of the mean (or the sum) of their values (p,), and its interval.

    Both other users and other movies could have been drawn: the variance is that of the pairs' parts summed by user,
    and by movie, less that of single pairs. Cameron, Gelbach & Miller (2011), "Robust Inference With Multiway
    Clustering", eq. 2.11; by their section 2.4 Student's t with as many degrees as the smaller number, less one.
    """
    users, of_user, counts = np.unique(found.user, return_inverse=True, return_counts=True)
    movies, of_movie = np.unique(found.movie, return_inverse=True)
    if min(len(users), len(movies)) < 2:
        return Estimate(float("nan"), float("nan"), float("nan"))
    by_user = np.bincount(of_user, values) / (1 if summed else counts)
    mean = float(by_user.mean())
    off = (values * (1 if summed else 1 / counts[of_user]) - mean / counts[of_user]) / len(users)
    variance = sum((np.bincount(of, off) ** 2).sum() for of in (of_user, of_movie)) - (off**2).sum()
    # The difference of variances may fall below that of either side alone, which is the least there is.
    variance = max(variance, *((np.bincount(of, off) ** 2).sum() for of in (of_user, of_movie)))
    reach = float(stdtrit(min(len(users), len(movies)) - 1, (1 + LEVEL) / 2) * np.sqrt(variance))
    return Estimate(mean, mean - reach, mean + reach)


def _discounts(places: int, k: int) -> np.ndarray:
    """1 / log2(1 + place) of places 1, 2, … up to the k-th, then 0."""
    discounts = 1 / np.log2(np.arange(2, places + 2))
    discounts[k:] = 0
    return discounts


def _below(values: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many of the others are less than each value, and how many are no more."""
    ordered = np.sort(others)
    return np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")

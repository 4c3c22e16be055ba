"""What chance alone does to a drift score: a bootstrap of whole users on both sides. Pure.

Ratings cluster by user (intraclass correlation 0.19 on ml-latest-small), and real files hold few users of very
unequal size: resampling rows would find everything significant. The unit here is the user, and two questions are
answered by two resamplings.

**Could it be chance? The p-value** comes from the pooled bootstrap of two samples (Efron & Tibshirani 1993, "An
introduction to the bootstrap", algorithm 16.1): were there no drift, the users of both sides would be one population.
So the reference's users are drawn anew, and each user of the current side gives way to a user of the pool, whose
taste fills as many rows as the one he replaces had. Sizes stay as they are, because they decide how much noise a file
holds, and the spread between users is that of a large pool instead of a guess from the file's few. Drawing the
current side's own users instead, recentred, was tried: it is too sure of itself where a file has few users (with
500 rows of 6 users without drift, p <= 0.01 in 8.5 % of the cases, pooled 3.5 %).

**How far off may the numbers be? The intervals** come from drawing each side's own users anew. A user who brought
the share w of all rows pulls the mean towards himself, so that his deviation from it is too small by 1 - w: each
deviation is divided by that, as in the cluster-robust variance CR3 (Cameron & Miller 2015, "A practitioner's guide
to cluster-robust inference", section VI.B).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist  # scipy.stats would take 0.65 s of every process's start

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from reco_assets.drift.histograms import UserHistogram
from reco_assets.drift.scores import Scale, score
from resources.settings.drift import DriftSettings

# Of more users than this, whole users are resampled in this many groups, and the pool is a draw of this many: the
# error of a standard deviation from 2,000 is 1.6 %, and 162,000 users take a second instead of minutes.
MANY = 2_000
DRAWS_AT_ONCE = 2_000_000
INTERVAL = (0.025, 0.975)
POWER = 0.8


@dataclass(frozen=True)
class Resampling:
    """How often users are resampled, the seed, and the p-value at which a score counts."""

    samples: int
    seed: int
    p_value: float


@dataclass(frozen=True)
class Uncertainty:
    """What a score means against chance.

    `p_value` in (0, 1]; intervals of 95 %; `kl_noise`: the divergence (nats) that these users show without drift;
    `smallest_detectable_shift`: the shift of the mean (stars) found in 8 of 10 cases at the policy's p-value.
    """

    p_value: float
    score_interval: tuple[float, float]
    mean_shift_interval: tuple[float, float]
    kl_noise: float
    smallest_detectable_shift: float


def uncertainty(
    reference: UserHistogram, current: UserHistogram, scale: Scale, config: DriftSettings, resampling: Resampling
) -> Uncertainty | None:
    """Resample whole users of both sides; None where a side has a single user, whom nothing tells from a drift.

    The score's interval is the basic one (2·observed - quantiles): resampled scores are too high by as much as the
    observed one is, since noise can only add to a divergence. It starts at 0 and reaches the observed score at least:
    of a handful of rows every resampled score may exceed twice the observed one.
    """
    if min(reference.users, current.users) < 2:
        return None
    old_rng, new_rng, pool_rng = np.random.default_rng(resampling.seed).spawn(3)
    with threadpool_limits(1):  # the same bits whatever the number of cores
        old = _deviations(reference, resampling.samples, old_rng)
        new = _deviations(current, resampling.samples, new_rng)
        pool = _Pool.of(reference.merge(current), pool_rng)
        replaced = pool.sample(current.rows_per_user, resampling.samples, pool_rng)
    observed = score(reference.total, current.total, scale, config)
    by_chance = score(_proper(pool.shares + old) * reference.rows, replaced, scale, config)
    strayed = score(
        _proper(reference.total / reference.rows + old) * reference.rows,
        _proper(current.total / current.rows + new) * current.rows,
        scale,
        config,
    )
    low, high = 2 * observed.score - np.quantile(strayed.score, INTERVAL[::-1])
    mean_low, mean_high = np.quantile(strayed.mean_shift, INTERVAL)
    quantiles = NormalDist().inv_cdf(POWER) - NormalDist().inv_cdf(resampling.p_value / 2)
    return Uncertainty(
        p_value=float((1 + (by_chance.score >= observed.score).sum()) / (1 + resampling.samples)),
        score_interval=(max(float(low), 0.0), max(float(high), float(observed.score))),
        mean_shift_interval=(float(mean_low), float(mean_high)),
        kl_noise=float(by_chance.kl.mean()),
        smallest_detectable_shift=float(quantiles * by_chance.mean_shift.std(ddof=1)),
    )


def ratio_deviations(sums: np.ndarray, rows: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    """How far the ratio sum(sums) / sum(rows) strays when users are drawn anew: (samples, k).

    `sums` (u, k) and `rows` (u,) per user, u at least 2; each user's deviation is corrected for leverage.
    """
    users, ratio = len(rows), sums.sum(axis=0) / rows.sum()
    leverage = rows / rows.sum()
    residuals = (sums - rows[:, None] * ratio) / (1 - leverage)[:, None]
    times = _times(rng.integers(0, users, (samples, users)), np.ones(users), users)
    strayed: np.ndarray = (times @ residuals) / (times @ rows)[:, None]
    return strayed


def grouped(user_id: np.ndarray, sums: sp.csr_matrix) -> np.ndarray:
    """Sums per user (u, k), or, of many users, per group of whole users: (at most MANY, k) float64."""
    if len(user_id) > MANY:
        # Fibonacci hashing: neighbouring ids, which are of like age, fall into different groups.
        group = ((user_id.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) % np.uint64(MANY)
        at = (group.astype(np.int64), np.arange(len(user_id)))
        sums = sp.csr_matrix((np.ones(len(user_id)), at), (MANY, len(user_id))) @ sums
    found: np.ndarray = sums.toarray().astype(np.float64)
    return found[found.any(axis=1)]


@dataclass(frozen=True)
class _Pool:
    """Users to draw from: tastes (v, f) as shares that add up to 1, and the odds (v,) of the user of a random row."""

    tastes: np.ndarray
    odds: np.ndarray

    @classmethod
    def of(cls, side: UserHistogram, rng: np.random.Generator) -> "_Pool":
        counts, odds = side.counts, side.rows_per_user / side.rows
        if side.users > MANY:
            counts = counts[rng.choice(side.users, MANY, p=odds)]
            odds = np.full(MANY, 1 / MANY)
        dense = counts.toarray().astype(np.float64)
        return cls(dense / dense.sum(axis=1, keepdims=True), odds)

    @property
    def shares(self) -> np.ndarray:
        """The distribution (f,) that samples have on average."""
        found: np.ndarray = self.odds @ self.tastes
        return found

    def sample(self, rows: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
        """Counts (samples, f) of users with so many rows each (u,), every one with the taste of a drawn user."""
        ranks = np.cumsum(self.odds)
        ranks /= ranks[-1]  # ends at 1 exactly, above every random number
        weights, shrink = _few(rows)
        drawn = [
            _times(np.searchsorted(ranks, rng.random((some, len(weights))), side="right"), weights, len(ranks))
            @ self.tastes
            for some in _portions(samples, len(weights))
        ]
        mixed = np.concatenate(drawn) / weights.sum()
        if shrink < 1:
            mixed = self.shares + (mixed - self.shares) * shrink
        found: np.ndarray = rng.multinomial(rows.sum(), mixed / mixed.sum(axis=1, keepdims=True)).astype(np.float64)
        return found


def _few(rows: np.ndarray) -> tuple[np.ndarray, float]:
    """Of more than MANY users (u,): equal users in their place, MANY at most, and by how much these stray too far.

    What users of unequal sizes stray is what (sum of rows)² / (sum of rows²) equal ones do, and of n times as many it
    is less by the square root of n. So 100,000 users cost what 2,000 do.
    """
    if len(rows) <= MANY:
        return rows, 1.0
    worth = float(rows.sum()) ** 2 / float((rows.astype(np.float64) ** 2).sum())
    users = min(MANY, max(2, round(worth)))
    return np.ones(users), min(1.0, (users / worth) ** 0.5)


def _deviations(side: UserHistogram, samples: int, rng: np.random.Generator) -> np.ndarray:
    counts = grouped(side.user_id, side.counts)
    return ratio_deviations(counts, counts.sum(axis=1), samples, rng)


def _times(drawn: np.ndarray, weights: np.ndarray, choices: int) -> np.ndarray:
    """Per sample, the weight that each choice got: drawn (samples, u) in 0 to choices - 1, weights (u,)."""
    samples = len(drawn)
    cells = (drawn + np.arange(samples)[:, None] * choices).ravel()
    found: np.ndarray = np.bincount(cells, np.tile(weights, samples), samples * choices).reshape(samples, choices)
    return found


def _portions(samples: int, users: int) -> Iterator[int]:
    """Samples to draw at once, so that many users need no more memory than few."""
    size = max(1, DRAWS_AT_ONCE // users)
    for start in range(0, samples, size):
        yield min(size, samples - start)


def _proper(shares: np.ndarray) -> np.ndarray:
    """Shares that add up to 1: what strayed below 0 is nothing."""
    positive = np.maximum(shares, 0.0)
    found: np.ndarray = positive / positive.sum(axis=-1, keepdims=True)
    return found

"""What informs beside the score: who rates what, and how wrong the champion is on labels that came later. Pure."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import scipy.sparse as sp

from reco_assets.drift.bootstrap import INTERVAL, Resampling, grouped, ratio_deviations
from reco_assets.models.ratings import positions
from reco_assets.statistics import jensen_shannon

CLASSES = 10


@dataclass(frozen=True)
class Occurrences:
    """How many ratings each of n users or movies has: ids (n,) sorted, rows (n,) int64."""

    ids: np.ndarray
    rows: np.ndarray

    @classmethod
    def of(cls, ids: np.ndarray) -> "Occurrences":
        """Count the ids of ratings, in any order."""
        return cls(*np.unique(ids, return_counts=True))

    def where(self, chosen: np.ndarray) -> "Occurrences":
        """Some of them, chosen by (n,) bool."""
        return Occurrences(self.ids[chosen], self.rows[chosen])


@dataclass(frozen=True)
class Errors:
    """Squared errors per user: user_id (u,) sorted, rows (u,) int64, their sum in stars² (u,) float64."""

    user_id: np.ndarray
    rows: np.ndarray
    squared: np.ndarray

    @classmethod
    def of(cls, user_id: np.ndarray, rows: np.ndarray, squared: np.ndarray) -> "Errors":
        """Add up what is given per user in parts, all (n,)."""
        users, of = np.unique(user_id, return_inverse=True)
        return cls(users, np.bincount(of, rows, len(users)), np.bincount(of, squared, len(users)))


@dataclass(frozen=True)
class Mix:
    """How new ratings are spread over users or movies.

    `new_share`: of the users (movies) that the reference does not have; `new_row_share`: of ratings by (of) them;
    `divergence`: Jensen-Shannon, 0 to 1 bit, between old and new ratings of the known ones over ten classes from the
    most to the least active (popular), each with a tenth of the old ratings; None where all users (movies) are new;
    `new_row_interval`: of 95 %, of `new_row_share`, had other users (movies) come; None where too little came.
    """

    new_share: float
    new_row_share: float
    divergence: float | None
    new_row_interval: tuple[float, float] | None


@dataclass(frozen=True)
class ErrorShift:
    """Warm RMSE in stars on the original and on the new test, their difference and its 95 % interval."""

    reference: float
    current: float
    shift: float
    interval: tuple[float, float]


def mix(reference: Occurrences, current: Occurrences, enough: bool = True, windows: int = 1) -> Mix | None:
    """Compare who rates (or what is rated) with the reference; None without new ratings.

    Classes, not single movies: over 10,000 movies a divergence would measure the size of the sample. The interval is
    for the worst of so many windows (Bonferroni), and there is none where what came is not `enough` to judge.
    """
    if current.rows.sum() == 0:
        return None
    at = positions(reference.ids, current.ids)
    known, total = at >= 0, current.rows.sum()
    classes = _classes(reference.rows)
    old = np.bincount(classes, reference.rows, CLASSES)
    new = np.bincount(classes[at[known]], current.rows[known], CLASSES)
    return Mix(
        new_share=float(1 - known.mean()),
        new_row_share=float(1 - current.rows[known].sum() / total),
        divergence=jensen_shannon(old, new) if known.any() else None,
        new_row_interval=_share_interval(np.where(known, 0, current.rows), current.rows, windows) if enough else None,
    )


def _share_interval(part: np.ndarray, rows: np.ndarray, windows: int) -> tuple[float, float] | None:
    """The interval of sum(part) / sum(rows), both (n,) per user (movie), n at least 2: a ratio estimator of clusters.

    By its linear approximation (Cochran 1977, "Sampling techniques", section 6.4), each deviation divided by what its
    own weight takes from it, as in the bootstrap; a closed form, since a report measures this for every window.
    """
    if len(rows) < 2:
        return None
    share, weight = part.sum() / rows.sum(), rows / rows.sum()
    deviations = (part - share * rows) / (1 - weight) / rows.sum()
    spread = NormalDist().inv_cdf(1 - INTERVAL[0] / windows) * float(np.sqrt((deviations**2).sum()))
    return max(float(share) - spread, 0.0), min(float(share) + spread, 1.0)


def error_shift(reference: Errors, current: Errors, resampling: Resampling, windows: int = 1) -> ErrorShift | None:
    """Compare RMSE of two sides, whole users resampled; None where a side has fewer than two users.

    The interval is that of 95 % for the worst of so many windows (Bonferroni).
    """
    draws = np.random.default_rng(resampling.seed).spawn(2)
    before = _mean_square(reference, resampling.samples, draws[0])
    after = _mean_square(current, resampling.samples, draws[1])
    if before is None or after is None:
        return None
    (old, old_strayed), (new, new_strayed) = before, after
    shift = np.sqrt(new) - np.sqrt(old)
    tail = INTERVAL[0] / windows
    low, high = np.quantile(np.sqrt(new_strayed) - np.sqrt(old_strayed), (tail, 1 - tail))
    return ErrorShift(float(np.sqrt(old)), float(np.sqrt(new)), float(shift), (float(low), float(high)))


def _mean_square(errors: Errors, samples: int, rng: np.random.Generator) -> tuple[float, np.ndarray] | None:
    if len(errors.user_id) < 2:
        return None
    per_user = np.stack([errors.squared, errors.rows], axis=1)
    sums, rows = grouped(errors.user_id, sp.csr_matrix(per_user)).T
    observed = float(sums.sum() / rows.sum())
    strayed = ratio_deviations(sums[:, None], rows, samples, rng)[:, 0]
    return observed, np.maximum(observed + strayed, 0.0)


def _classes(rows: np.ndarray) -> np.ndarray:
    """The class of each of n ids, 0 for the most frequent; each class holds about as many rows as another."""
    order = np.argsort(-rows, kind="stable")
    before = np.cumsum(rows[order]) - rows[order]
    classes = np.empty(len(rows), np.int64)
    classes[order] = before * CLASSES // max(rows.sum(), 1)
    return classes

"""The drift score: 0.5·KL/0.1 + 0.3·|mean shift|/0.2 + 0.2·|median shift|/0.5 of two histograms. Pure numpy.

Each term is the ratio to its threshold, so 1.0 means: on the whole, as large as the thresholds. Everything works
on the last axis, so that thousands of resampled histograms are scored in one call.
"""

from dataclasses import dataclass

import numpy as np

from reco_assets.drift.histograms import PREDICTIONS, RATINGS, Grid
from reco_assets.statistics import divergence
from resources.settings.drift import DriftSettings

DECILES = 10


@dataclass(frozen=True)
class Scale:
    """What histograms are compared on: the grid, and where in it each bin of the divergence starts, (k,)."""

    grid: Grid
    starts: np.ndarray

    @property
    def labels(self) -> list[str]:
        """Each bin's lowest value in stars."""
        return [f"{self.grid.centres[start]:g}" for start in self.starts]

    def binned(self, counts: np.ndarray) -> np.ndarray:
        """(…, f) counts of the grid as (…, k) counts of the bins."""
        found: np.ndarray = np.add.reduceat(counts, self.starts, axis=-1)
        return found


@dataclass(frozen=True)
class Score:
    """Arrays of the leading shape: kl in nats, current minus reference in stars, and the weighted sum."""

    kl: np.ndarray
    mean_shift: np.ndarray
    median_shift: np.ndarray
    score: np.ndarray


def rating_scale() -> Scale:
    """Ratings: a bin for each half star."""
    return Scale(RATINGS, np.arange(RATINGS.size))


def prediction_scale(reference: np.ndarray) -> Scale:
    """Predictions: bins at the deciles of the reference (f,), fewer where it is lumpy."""
    at = np.cumsum(reference) / max(reference.sum(), 1)
    cuts = np.searchsorted(at, np.arange(1, DECILES) / DECILES) + 1
    return Scale(PREDICTIONS, np.unique(np.concatenate([[0], cuts[cuts < PREDICTIONS.size]])))


def score(reference: np.ndarray, current: np.ndarray, scale: Scale, config: DriftSettings) -> Score:
    """Score current against reference, counts (…, f) with at least one row each."""
    kl = divergence(scale.binned(reference), scale.binned(current))
    mean = _mean(current, scale.grid) - _mean(reference, scale.grid)
    median = _median(current, scale.grid) - _median(reference, scale.grid)
    total = (
        config.kl_weight * kl / config.kl_threshold
        + config.mean_weight * np.abs(mean) / config.mean_threshold
        + config.median_weight * np.abs(median) / config.median_threshold
    )
    return Score(kl, mean, median, total)


def _mean(counts: np.ndarray, grid: Grid) -> np.ndarray:
    # A sum, not a product of matrices: the same bits for one histogram as for a thousand.
    found: np.ndarray = (counts * grid.centres).sum(axis=-1) / counts.sum(axis=-1)
    return found


def _median(counts: np.ndarray, grid: Grid) -> np.ndarray:
    """The middle value, or halfway between the two middle ones of an even number of rows, as `np.median`."""
    rank = np.cumsum(counts, axis=-1)
    half = rank[..., -1:] / 2
    lower, upper = (rank >= half).argmax(axis=-1), (rank > half).argmax(axis=-1)
    found: np.ndarray = (grid.centres[lower] + grid.centres[upper]) / 2
    return found

"""Two histograms of one column compared. Pure numpy."""

from dataclasses import dataclass

import numpy as np

from reco_assets.statistics import divergence, jensen_shannon


@dataclass(frozen=True)
class Shift:
    """How far a histogram is from its reference.

    `psi` is the population stability index, the divergences of either from the other added, in nats; `jensen_shannon`
    is in bits, 0 to 1. `noise` is the psi that two samples of these sizes from one distribution stay below, mostly.
    """

    psi: float
    jensen_shannon: float
    noise: float


def shift(reference: np.ndarray, current: np.ndarray) -> Shift | None:
    """Compare counts (k,) with counts (k,); None where either has none."""
    if not (reference.sum() and current.sum()):
        return None
    psi = divergence(reference, current) + divergence(current, reference)
    return Shift(float(psi), jensen_shannon(reference, current), psi_of_noise(reference, current))


def psi_of_noise(reference: np.ndarray, current: np.ndarray) -> float:
    """Psi of two samples from one distribution: its mean and two standard deviations.

    It is distributed as chi-squared of k - 1 degrees of freedom, times 1/n + 1/m.
    """
    freedom = max(int(np.count_nonzero(reference + current)) - 1, 0)
    size = 1 / int(reference.sum()) + 1 / int(current.sum())
    return float(size * (freedom + 2 * np.sqrt(2 * freedom)))

"""How much better one arm of an experiment does, with an interval that may be looked at every day. Pure numpy.

A usual 95 % interval holds at one moment that was fixed before: who looks daily and stops at the first one without 0 is
wrong far more often than in 5 of 100 experiments. A confidence sequence holds at all moments at once.
"""

from dataclasses import dataclass

import numpy as np

MOST = 0.5  # the constant c of the paper: no bet is larger


@dataclass(frozen=True)
class Interval:
    """An estimate, and between which values the truth lies at every look, but for a chance of alpha."""

    estimate: float
    low: float
    high: float


def confidence_sequence(values: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends for the mean of values within 0 and 1, after each of them.

    The predictable plug-in empirical Bernstein confidence sequence: Waudby-Smith & Ramdas (2023), "Estimating means of
    bounded random variables by betting", JRSS B 86(1), theorem 2 with the bets of eq. 15, and the intersection of all
    ends so far. No value has to be of a known distribution; n is not chosen before.

    Args:
        values: (…, n) float64 within 0 and 1, in the order in which they became known.
        alpha: The chance that the mean is ever outside, above 0 and below 1.

    Returns:
        (…, n) each; every row of values is a sequence of its own.
    """
    values = np.asarray(values, np.float64)
    count = np.arange(1, values.shape[-1] + 1)
    mean = (0.5 + np.cumsum(values, axis=-1)) / (count + 1)
    before = _before(mean, 0.5)
    variance = (0.25 + np.cumsum((values - mean) ** 2, axis=-1)) / (count + 1)
    budget = np.log(2 / alpha)
    bets = np.minimum(np.sqrt(2 * budget / (_before(variance, 0.25) * count * np.log1p(count))), MOST)
    total = np.cumsum(bets, axis=-1)
    centre = np.cumsum(bets * values, axis=-1) / total
    # v = 4 (x - mean before)² and ψ(λ) = (-log(1 - λ) - λ) / 4: the two fours cancel.
    spread = np.cumsum((values - before) ** 2 * (-np.log1p(-bets) - bets), axis=-1)
    half = (budget + spread) / total
    low = np.maximum.accumulate(np.maximum(centre - half, 0.0), axis=-1)
    high = np.minimum.accumulate(np.minimum(centre + half, 1.0), axis=-1)
    return low, high


def difference_sequence(
    challenger: np.ndarray, outcome: np.ndarray, share: float, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Ends for the difference of two arms, challenger's minus champion's, after each user.

    Each user's outcome is weighed by the inverse of the chance of the user's arm (Horvitz & Thompson 1952), which is
    known: it was drawn. So one sequence of numbers within -1/(1 - share) and 1/share has the difference as its mean.
    Users of either arm who never come back have the outcome 0 and needn't be in it: what is compared is all that were
    drawn, by intention to treat, in units of the mean over those who came back.

    Args:
        challenger: (…, n) bool: whether the user was drawn for the challenger.
        outcome: (…, n) within 0 and 1, in the order in which the users were done.
        share: The chance to be drawn for the challenger, above 0 and below 1.
        alpha: As in `confidence_sequence`.
    """
    least, width = -1 / (1 - share), 1 / (share * (1 - share))
    low, high = confidence_sequence((_weighed(challenger, outcome, share) - least) / width, alpha)
    return least + width * low, least + width * high


def difference(challenger: np.ndarray, outcome: np.ndarray, share: float, alpha: float) -> Interval:
    """The difference after all users (n,), as of `difference_sequence`; anything is possible before the first."""
    if not len(outcome):
        return Interval(0.0, -1.0 / (1 - share), 1.0 / share)
    low, high = difference_sequence(challenger, outcome, share, alpha)
    return Interval(float(_weighed(challenger, outcome, share).mean()), float(low[-1]), float(high[-1]))


def _weighed(challenger: np.ndarray, outcome: np.ndarray, share: float) -> np.ndarray:
    weighed: np.ndarray = np.where(challenger, outcome / share, -outcome / (1 - share))
    return weighed


def _before(after: np.ndarray, first: float) -> np.ndarray:
    """What was known before each value: the values after the one before it."""
    return np.concatenate([np.full((*after.shape[:-1], 1), first), after[..., :-1]], axis=-1)

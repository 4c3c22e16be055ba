"""Files of ratings whose drift is known: whole users or whole sessions of real ratings, shifted by so many stars. Pure.

Single rows would not do: ratings cluster by user and by session, and a file of independent rows shows far less noise
than a real one of the same length.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac
from scipy.optimize import brentq

from reco_assets.vocabulary import ALLOWED_RATINGS, HISTORY, KEY
from resources.errors import RecoError

SESSION_GAP_SECONDS = 30 * 60
TOLERANCE = 0.1  # a unit is passed over where it would make the file longer than asked by more than a tenth
HALF_STARS = np.array(ALLOWED_RATINGS)
STEEPEST = 20.0  # exp(20) per star puts all ratings on the last half star


class SimulationError(RecoError):
    """Ratings that can't be drawn or shifted as asked."""


class ShiftError(SimulationError):
    """No tilt shifts these ratings so far, as where all have the same stars."""


@dataclass(frozen=True)
class Simulation:
    """Whose ratings (`future` or `history`), of how many users and how many rows at most, shifted by how many stars."""

    population: str
    users: int
    rows: int | None
    tilt: float
    seed: int


@dataclass(frozen=True)
class Population:
    """Whose ratings are drawn: u users, sorted, and how many ratings each has, both (u,); of all of these, how many
    have each half star (10,), and when the newest came.
    """

    user_id: np.ndarray
    ratings: np.ndarray
    stars: np.ndarray
    newest: pa.Scalar

    @classmethod
    def of(cls, users: pa.Table, stars: pa.Table) -> "Population":
        """Take counts: `user_id`, `ratings` and `newest` of each user, `rating` and `ratings` of each value."""
        users = users.sort_by("user_id")
        halves = half_stars(stars["rating"].to_numpy(), stars["ratings"].to_numpy())
        return cls(users["user_id"].to_numpy(), users["ratings"].to_numpy(), halves, pac.max(users["newest"]))


def draw(population: Population, plan: Simulation, ratings_of: Callable[[np.ndarray], pa.Table]) -> pa.Table:
    """The ratings (`KEY`, rating) that a plan asks for; `ratings_of` has those of some users, in any order.

    Ratings from history are dated anew, one second apart after the last one, or their keys would be in training
    already. Raises `SimulationError`.
    """
    rng = np.random.default_rng(plan.seed)
    drawn = ratings_of(_chosen(population, plan, rng))
    drawn = drawn.sort_by([("rating_ts", "ascending"), ("user_id", "ascending"), ("movie_id", "ascending")])
    stars = tilt(drawn["rating"].to_numpy(), plan.tilt, rng, population.stars)
    dates = _dated_anew(population.newest, len(drawn)) if plan.population == HISTORY else drawn["rating_ts"]
    return pa.table([drawn["user_id"], drawn["movie_id"], dates, pa.array(stars)], [*KEY, "rating"])


def sessions(user_id: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """The session of each of n ratings, numbered from 0: user_id (n,), Unix seconds (n,) -> (n,) int64.

    A session is a run of one user's ratings in which none follows the one before by more than 30 minutes.
    """
    order = np.lexsort((seconds, user_id))
    users, times = user_id[order], seconds[order]
    starts = (users[1:] != users[:-1]) | (times[1:] - times[:-1] > SESSION_GAP_SECONDS)
    found = np.empty(len(order), np.int64)
    found[order] = np.concatenate([[0], np.cumsum(starts)]) if len(order) else []
    return found


def draw_rows(unit: np.ndarray, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of about `rows` ratings, drawn in whole units; `unit` (n,) is each rating's user or session.

    Units come in random order and are passed over where they would overshoot by more than a tenth. Fewer rows come
    back where there are not enough.
    """
    _, of, sizes = np.unique(unit, return_inverse=True, return_counts=True)
    return np.flatnonzero(_fitting(sizes, rows, rng)[of])


def draw_users(unit: np.ndarray, user_id: np.ndarray, users: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of the ratings of whole units, in random order until `users` different users are among them.

    `unit` (n,) and `user_id` (n,); give the users themselves as units to draw all that each has rated. Fewer users
    come back where there are not enough.
    """
    units, first, of = np.unique(unit, return_index=True, return_inverse=True)
    order = rng.permutation(len(units))
    _, new = np.unique(user_id[first[order]], return_index=True)
    last = np.sort(new)[min(users, len(new)) - 1]
    chosen = np.zeros(len(units), bool)
    chosen[order[: last + 1]] = True
    return np.flatnonzero(chosen[of])


def tilt(
    rating: np.ndarray, stars: float, rng: np.random.Generator, population: np.ndarray | None = None
) -> np.ndarray:
    """Shift ratings (n,) so that the mean of `population` moves by so many stars.

    `population` (10,) is how many of its ratings have each half star; by default these ratings are it.

    The population's distribution p becomes q(r) proportional to p(r)·exp(t·r), the exponential tilt, which among
    all distributions with that mean diverges least from p; each rating goes to the quantile of q at which it stood
    in p, drawn evenly within its step. So a user's ratings keep their order and users stay as alike as they were,
    which moving every rating by half a star would not do: whole stars dominate, and half stars would take their
    place. Raises `ShiftError` where no tilt reaches that mean.
    """
    if stars == 0 or len(rating) == 0:
        return rating
    counts = half_stars(rating) if population is None else population
    p = counts / counts.sum()
    q = _tilted(p, float(p @ HALF_STARS) + stars)
    step = np.rint(np.asarray(rating, np.float64) * 2).astype(np.int64) - 1
    level = (np.cumsum(p) - p)[step] + rng.random(len(step)) * p[step]
    found: np.ndarray = HALF_STARS[np.searchsorted(np.cumsum(q), level).clip(0, len(q) - 1)].astype(rating.dtype)
    return found


def half_stars(rating: np.ndarray, times: np.ndarray | None = None) -> np.ndarray:
    """How many of n ratings have each half star, (10,); `times` (n,): how often each of them counts."""
    return np.bincount(np.rint(np.asarray(rating, np.float64) * 2).astype(np.int64) - 1, times, len(HALF_STARS))


def _tilted(p: np.ndarray, mean: float) -> np.ndarray:
    """The exponential tilt of p that has this mean."""

    def at(slope: float) -> np.ndarray:
        weights = p * np.exp(slope * (HALF_STARS - HALF_STARS.mean()))
        found: np.ndarray = weights / weights.sum()
        return found

    def miss(slope: float) -> float:
        return float(at(slope) @ HALF_STARS) - mean

    if miss(-STEEPEST) > 0 or miss(STEEPEST) < 0:
        raise ShiftError(
            f"Ratings with a mean of {p @ HALF_STARS:.2f} stars can't be shifted to {mean:.2f}; choose a smaller shift."
        )
    return at(brentq(miss, -STEEPEST, STEEPEST))


def _chosen(population: Population, plan: Simulation, rng: np.random.Generator) -> np.ndarray:
    """The users of a plan, sorted."""
    at = np.sort(rng.permutation(len(population.user_id))[: plan.users])
    if plan.rows is not None:
        at = at[_fitting(population.ratings[at], plan.rows, rng)]
    return population.user_id[at]


def _fitting(sizes: np.ndarray, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Which of u units of these sizes (u,) come to about so many rows, (u,) bool."""
    chosen, total = np.zeros(len(sizes), bool), 0
    for at in rng.permutation(len(sizes)):
        if total >= rows * (1 - TOLERANCE):
            break
        if total + sizes[at] <= rows * (1 + TOLERANCE):
            chosen[at], total = True, total + sizes[at]
    return chosen


def _dated_anew(newest: pa.Scalar, count: int) -> pa.Array:
    last = newest.cast(pa.timestamp("s", tz="UTC")).value
    return pa.array(last + 1 + np.arange(count), pa.timestamp("s", tz="UTC"))

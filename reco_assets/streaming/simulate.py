"""Files of ratings whose drift is known: whole users or whole sessions of real ratings, shifted by so many stars. Pure.

Single rows would not do: ratings cluster by user and by session, and a file of independent rows shows far less noise
than a real one of the same length.
"""

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


@dataclass(frozen=True)
class Simulation:
    """Whose ratings (`future` or `history`), of how many users and how many rows at most, shifted by how many stars."""

    population: str
    users: int
    rows: int | None
    tilt: float
    seed: int


def draw(rows: pa.Table, plan: Simulation) -> pa.Table:
    """The ratings (`KEY`, rating) that a plan asks for, of the population's rows (the same columns, in any order).

    Ratings from history are dated anew, one second apart after the last one, or their keys would be in training
    already. Raises `SimulationError`.
    """
    rng = np.random.default_rng(plan.seed)
    rows = rows.sort_by([("rating_ts", "ascending"), ("user_id", "ascending"), ("movie_id", "ascending")])
    drawn = rows.take(_chosen(rows["user_id"].to_numpy(), plan, rng))
    stars = tilt(drawn["rating"].to_numpy(), plan.tilt, rng, population=rows["rating"].to_numpy())
    dates = _dated_anew(rows, len(drawn)) if plan.population == HISTORY else drawn["rating_ts"]
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
    units, of, sizes = np.unique(unit, return_inverse=True, return_counts=True)
    chosen, total = np.zeros(len(units), bool), 0
    for at in rng.permutation(len(units)):
        if total >= rows * (1 - TOLERANCE):
            break
        if total + sizes[at] <= rows * (1 + TOLERANCE):
            chosen[at], total = True, total + sizes[at]
    return np.flatnonzero(chosen[of])


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
    """Shift ratings (n,) so that the mean of `population` (by default of themselves) moves by so many stars.

    The population's distribution p becomes q(r) proportional to p(r)·exp(t·r), the exponential tilt, which among
    all distributions with that mean diverges least from p; each rating goes to the quantile of q at which it stood
    in p, drawn evenly within its step. So a user's ratings keep their order and users stay as alike as they were,
    which moving every rating by half a star would not do: whole stars dominate, and half stars would take their
    place. Raises `SimulationError` where no tilt reaches that mean.
    """
    if stars == 0 or len(rating) == 0:
        return rating
    p = _shares(rating if population is None else population)
    q = _tilted(p, float(p @ HALF_STARS) + stars)
    step = np.rint(np.asarray(rating, np.float64) * 2).astype(np.int64) - 1
    level = (np.cumsum(p) - p)[step] + rng.random(len(step)) * p[step]
    found: np.ndarray = HALF_STARS[np.searchsorted(np.cumsum(q), level).clip(0, len(q) - 1)].astype(rating.dtype)
    return found


def _shares(rating: np.ndarray) -> np.ndarray:
    counts = np.bincount(np.rint(np.asarray(rating, np.float64) * 2).astype(np.int64) - 1, minlength=len(HALF_STARS))
    found: np.ndarray = counts / counts.sum()
    return found


def _tilted(p: np.ndarray, mean: float) -> np.ndarray:
    """The exponential tilt of p that has this mean."""

    def at(slope: float) -> np.ndarray:
        weights = p * np.exp(slope * (HALF_STARS - HALF_STARS.mean()))
        found: np.ndarray = weights / weights.sum()
        return found

    def miss(slope: float) -> float:
        return float(at(slope) @ HALF_STARS) - mean

    if miss(-STEEPEST) > 0 or miss(STEEPEST) < 0:
        raise SimulationError(
            f"Ratings with a mean of {p @ HALF_STARS:.2f} stars can't be shifted to {mean:.2f}; choose a smaller shift."
        )
    return at(brentq(miss, -STEEPEST, STEEPEST))


def _chosen(user_id: np.ndarray, plan: Simulation, rng: np.random.Generator) -> np.ndarray:
    found = draw_users(user_id, user_id, plan.users, rng)
    return found if plan.rows is None else found[draw_rows(user_id[found], plan.rows, rng)]


def _dated_anew(rows: pa.Table, count: int) -> pa.Array:
    last = pac.max(rows["rating_ts"]).cast(pa.timestamp("s", tz="UTC")).value
    return pa.array(last + 1 + np.arange(count), pa.timestamp("s", tz="UTC"))

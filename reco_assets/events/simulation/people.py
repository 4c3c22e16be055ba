"""A seeded audience for the movies of `sources/synthetic.py`: how busy they are, what they like. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2s

import numpy as np

from reco_assets.sources.synthetic import TASTES, World, world
from resources.settings.source import SyntheticSettings

FIRST_USER = 1_000_001  # past the users of a synthetic source, whose tastes are others
SESSIONS_A_DAY = 0.35  # of a user, on average


@dataclass(frozen=True)
class Plan:
    """How many users and movies, and the seed that decides everything else."""

    users: int
    movies: int
    seed: int

    @property
    def name(self) -> str:
        """A short word that no other plan has: it begins the ids of a plan's events."""
        said = f"{self.users} {self.movies} {self.seed}"
        return blake2s(said.encode(), digest_size=4).hexdigest()

    @property
    def shape(self) -> SyntheticSettings:
        """The synthetic source that has the same movies."""
        return SyntheticSettings(users=self.users, movies=self.movies, seed=self.seed)


@dataclass(frozen=True)
class Town:
    """Users and movies as they truly are, each array by user: taste (users, TASTES); how friendly a user's stars are,
    and sessions a day, both (users,).
    """

    plan: Plan
    movies: World
    taste: np.ndarray
    friendliness: np.ndarray
    sessions: np.ndarray


def town(plan: Plan) -> Town:
    """The users and movies of a plan; the same plan gives the same."""
    rng = np.random.default_rng([plan.seed, 5])
    users = plan.users
    busy = rng.lognormal(0, 0.8, users)
    return Town(
        plan=plan,
        movies=world(plan.shape),
        taste=rng.normal(0, 0.6, (users, TASTES)).astype(np.float32),
        friendliness=rng.normal(0, 0.4, users),
        sessions=busy * SESSIONS_A_DAY / busy.mean(),
    )


def days(first: date, end: date) -> list[date]:
    """The days from the first until before the end."""
    return [first + timedelta(number) for number in range((end - first).days)]

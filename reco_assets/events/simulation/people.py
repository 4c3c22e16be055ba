"""A seeded audience for the movies of `sources/synthetic.py`: who signs up when, how busy they are, what they like."""

from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2s

import numpy as np

from reco_assets.sources.synthetic import TASTES, World, world
from resources.settings.source import SyntheticSettings

FIRST_USER = 1_000_001  # past the users of a synthetic source, whose tastes are others
SESSIONS_A_DAY = 0.35  # of a user, on average
HERE_AT_THE_START = 0.6  # share of the users; the others come by and by
SIGNING_UP_DAYS = 14


@dataclass(frozen=True)
class Plan:
    """How many users and movies, the seed that decides everything else, and the day on which all of it begins."""

    users: int
    movies: int
    seed: int
    first: date

    @property
    def name(self) -> str:
        """A short word that no other plan has: it begins the ids of a plan's events."""
        said = f"{self.users} {self.movies} {self.seed} {self.first}"
        return blake2s(said.encode(), digest_size=4).hexdigest()

    @property
    def shape(self) -> SyntheticSettings:
        """The synthetic source that has the same movies."""
        return SyntheticSettings(users=self.users, movies=self.movies, seed=self.seed)


@dataclass(frozen=True)
class Town:
    """Users and movies as they truly are, each array by user: taste (users, TASTES), and the others (users,): how
    friendly a user's stars are, sessions a day, days from the first on which they sign up.
    """

    plan: Plan
    movies: World
    taste: np.ndarray
    friendliness: np.ndarray
    sessions: np.ndarray
    joined: np.ndarray

    def there(self, day: date) -> np.ndarray:
        """Which users (positions) have signed up by a day."""
        return np.flatnonzero(self.joined <= (day - self.plan.first).days)

    def joining(self, day: date) -> np.ndarray:
        """Which users (positions) sign up on a day."""
        return np.flatnonzero(self.joined == (day - self.plan.first).days)


def town(plan: Plan) -> Town:
    """The users and movies of a plan; the same plan gives the same."""
    rng = np.random.default_rng([plan.seed, 5])
    users = plan.users
    busy = rng.lognormal(0, 0.8, users)
    joined = rng.integers(1, SIGNING_UP_DAYS, users)
    joined[rng.random(users) < HERE_AT_THE_START] = 0
    return Town(
        plan=plan,
        movies=world(plan.shape),
        taste=rng.normal(0, 0.6, (users, TASTES)).astype(np.float32),
        friendliness=rng.normal(0, 0.4, users),
        sessions=busy * SESSIONS_A_DAY / busy.mean(),
        joined=joined,
    )


def days(first: date, end: date) -> list[date]:
    """The days from the first until before the end."""
    return [first + timedelta(number) for number in range((end - first).days)]

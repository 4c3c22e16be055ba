"""Small histograms, seeded."""

from collections.abc import Callable

import numpy as np
import pytest

from reco_assets.drift.histograms import RATINGS, UserHistogram, of_values


@pytest.fixture
def crowd() -> Callable[..., UserHistogram]:
    """Ratings of users who differ in level: each user's ratings lie around his own mean."""

    def make(users: int, rows_each: int, shift: float = 0.0, seed: int = 0) -> UserHistogram:
        rng = np.random.default_rng(seed)
        users_of_rows = np.repeat(np.arange(users), rows_each)
        level = rng.normal(3.5 + shift, 0.4, users)[users_of_rows]
        return of_values(RATINGS, users_of_rows, rng.normal(level, 0.9))

    return make

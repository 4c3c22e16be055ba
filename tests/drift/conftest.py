"""Small histograms and reports, seeded."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reco_assets.drift.assessment import DriftInputs
from reco_assets.drift.cells import ScoredRatings
from reco_assets.drift.histograms import RATINGS, UserHistogram, of_values
from reco_assets.drift.signals import Occurrences

HALF_STARS = np.arange(1, 11) / 2


@pytest.fixture
def crowd() -> Callable[..., UserHistogram]:
    """Ratings of users who differ in level: each user's ratings lie around his own mean."""

    def make(users: int, rows_each: int, shift: float = 0.0, seed: int = 0) -> UserHistogram:
        rng = np.random.default_rng(seed)
        users_of_rows = np.repeat(np.arange(users), rows_each)
        level = rng.normal(3.5 + shift, 0.4, users)[users_of_rows]
        return of_values(RATINGS, users_of_rows, rng.normal(level, 0.9))

    return make


@pytest.fixture
def inputs() -> Callable[..., DriftInputs]:
    """A whole comparison; `shift` (stars) moves the new ratings and the new predictions."""

    def scored(rng: np.random.Generator, users: int, rows: int, shift: float) -> ScoredRatings:
        user_id = rng.integers(0, users, rows)
        predicted = rng.normal(3.5 + shift, 0.4, rows).clip(0.5, 5)
        return ScoredRatings(user_id, rng.choice(HALF_STARS, rows), predicted, rng.random(rows) < 0.9)

    def make(shift: float = 0.0, rows: int = 600, users: int = 60, **changes: Any) -> DriftInputs:
        rng = np.random.default_rng(1)
        old = rng.normal(3.5, 1.0, 5_000), rng.integers(0, 100, 5_000)
        new = rng.normal(3.5 + shift, 1.0, rows), rng.integers(80, 80 + users, rows)
        parts: dict[str, Any] = {
            "batches": ("b1", "b2"),
            "model_version": "20260101_000000",
            "delta_versions": {"silver/train_ratings": 3, "silver/test_ratings": 2},
            "reference_train": of_values(RATINGS, old[1], old[0]),
            "current_train": of_values(RATINGS, new[1], new[0]),
            "reference_test": scored(rng, 100, 2_000, 0.0),
            "current_test": scored(rng, users, rows, shift),
            "reference_movies": Occurrences.of(rng.integers(0, 50, 5_000)),
            "current_movies": Occurrences.of(rng.integers(25, 75, rows)),
        }
        return DriftInputs(**(parts | changes))

    return make

"""Replaying past batches: under each policy, with windows and without, they wait until it would have retrained."""

import numpy as np
import pytest

from reco_assets.drift.cells import Cells, ScoredRatings, cells_of, count_batches
from reco_assets.drift.histograms import RATINGS, of_values
from reco_assets.drift.measures import Occurrences
from reco_assets.drift.replay import POLICIES, POOL, RULES, WINDOWS, Step, replay
from reco_assets.drift.scan import Arrival
from reco_assets.drift.signals import Yardstick
from reco_assets.models.ratings import Ratings
from resources.settings.drift import DriftSettings

# All users here are new, and many: scores decide where triggers are off.
OFF = {"unknown_users_trigger": "off", "volume_trigger": "off"}
CONFIG = DriftSettings(bootstrap_samples=199, min_window_rows=500, **OFF)
NOTHING = np.empty(0, np.int64)
NO_TEST = ScoredRatings(NOTHING, NOTHING.astype(float), NOTHING.astype(float), NOTHING.astype(bool))


def ratings(rows: int, shift: float, seed: int) -> Ratings:
    rng = np.random.default_rng(seed)
    users = 10_000 * seed + np.arange(rows) // 10
    return Ratings(users, np.ones(rows, np.int64), np.rint(rng.normal(3.5 + shift, 1.0, rows) * 2).clip(1, 10) / 2)


def steps(*files: tuple[int, float]) -> list[Step]:
    """Replay files of so many rows, shifted by so many stars."""
    arrivals = [Arrival(str(n), str(n), rows, 0) for n, (rows, _) in enumerate(files)]

    def read(arrival: Arrival, position: int) -> Cells:
        number = int(arrival.batch)
        new = ratings(*files[number], number + 1)
        return count_batches(np.zeros(len(new), np.int64), new, NOTHING, NO_TEST, position)

    old = ratings(20_000, 0.0, 0)
    reference = cells_of(of_values(RATINGS, old.user_id, old.rating), NO_TEST, Occurrences.of(old.movie_id))
    return list(replay(arrivals, read, Yardstick(reference, CONFIG)))


def of(found: list[Step], policy: str, rule: str) -> list[tuple[str, int, bool]]:
    return [(s.arrival.batch, s.waiting, s.retrained) for s in found if (s.policy, s.rule) == (policy, rule)]


def test_batches_wait_until_a_policy_retrains_and_then_start_anew() -> None:
    found = steps((600, 0.0), (600, -2.0), (600, 0.0))
    assert of(found, "documented", WINDOWS) == [("0", 1, False), ("1", 2, True), ("2", 1, False)]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_shift_that_a_pool_hides_is_seen_by_windows(policy: str) -> None:
    found = steps((12_000, 0.0), (800, -1.0), (800, 0.0))
    assert of(found, policy, WINDOWS) == [("0", 1, False), ("1", 2, True), ("2", 1, False)]
    assert of(found, policy, POOL) == [("0", 1, False), ("1", 2, False), ("2", 3, False)]


def test_every_batch_arrives_under_each_policy_and_rule() -> None:
    found = steps((600, 0.0), (100, 0.0))
    assert [(s.policy, s.rule) for s in found[:6]] == [(policy, rule) for policy in POLICIES for rule in RULES]
    assert {(s.batches, s.waiting) for s in found[6:] if s.rule == POOL} == {(2, 2)}

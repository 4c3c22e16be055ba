"""What the drift score doesn't see: each trigger has its own switch, limit and reason, and adaptive takes them all."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reco_assets.drift.assessment import Compared, DriftReport, report_on
from reco_assets.drift.cells import ScoredRatings, cells_of, count_batches
from reco_assets.drift.histograms import RATINGS, of_values
from reco_assets.drift.measures import Occurrences, mix
from reco_assets.drift.scan import Arrival, Scan
from reco_assets.drift.signals import Yardstick
from reco_assets.models.ratings import Ratings
from resources.settings.drift import DriftSettings

CONFIG = DriftSettings(bootstrap_samples=199)
ADAPTIVE = CONFIG.model_copy(update={"policy": "adaptive"})
NO_TESTS = ScoredRatings(*(np.empty(0, kind) for kind in (np.int32, np.float32, np.float32, bool)))


def ratings(rows: int, first_user: int = 0, first_movie: int = 0, users: int = 200) -> Ratings:
    """Ratings of whole users and movies, every half star as often as another, whoever rates."""
    at = np.arange(rows)
    return Ratings(first_user + at % users, first_movie + at // 7 % 90, (at * 3 // users + at) % 10 / 2 + 0.5)


def scored(rows: int, error: float) -> ScoredRatings:
    stars = np.full(rows, 3.0)
    return ScoredRatings(np.arange(rows) % 100, stars + error * (-1.0) ** np.arange(rows), stars, np.ones(rows, bool))


def report(
    *batches: Ratings,
    config: DriftSettings = ADAPTIVE,
    error: float = 0.8,
    days: float | None = None,
) -> DriftReport:
    """On batches that arrive one after the other, against 40,000 ratings of users 0 to 199 and movies 0 to 89."""
    known = ratings(40_000)
    old = of_values(RATINGS, known.user_id, known.rating)
    reference = cells_of(old, scored(2_000, 0.8), Occurrences.of(known.movie_id))
    yardstick, scan = Yardstick(reference, config, days=days), Scan()
    for at, new in enumerate(batches):
        zeros = np.zeros(len(new), np.int64), np.zeros(400, np.int64)
        cells = count_batches(zeros[0], new, zeros[1], scored(400, error), at)
        scan = scan.take([Arrival(str(at), str(at), len(new), 400)], cells, yardstick)
    return report_on(scan, Compared([str(at) for at in range(len(batches))], "v", {}), yardstick)


def fired(found: DriftReport) -> list[str]:
    return [code for code in found.document["reason_codes"] if code != "below_threshold"]


CASES: dict[str, tuple[str, Sequence[Ratings], dict[str, Any]]] = {
    "rmse_worse": ("rmse_trigger", [ratings(4_000)], {"error": 1.2}),
    "unknown_users": ("unknown_users_trigger", [ratings(4_000, first_user=100)], {}),
    "unknown_movies": ("unknown_movies_trigger", [ratings(4_000, first_movie=45)], {}),
    "many_new_ratings": ("volume_trigger", [ratings(3_000)] * 3, {}),
    "old_champion": ("age_trigger_days", [ratings(100)], {"days": 181.0}),
}


@pytest.mark.parametrize("reason", CASES)
def test_adaptive_retrains_on_what_the_score_does_not_see_and_documented_does_not(reason: str) -> None:
    _, batches, seen = CASES[reason]
    found = report(*batches, **seen)
    assert fired(found) == [reason]
    assert found.should_retrain
    verdicts = found.document["verdicts"]
    assert {name: verdict["should_retrain"] for name, verdict in verdicts.items()} == {
        "documented": False,
        "calibrated": False,
        "adaptive": True,
    }


@pytest.mark.parametrize("reason", CASES)
def test_a_limit_that_is_set_counts_under_every_policy(reason: str) -> None:
    setting, batches, seen = CASES[reason]
    found = report(*batches, config=CONFIG.model_copy(update={setting: 0.01}), **seen)
    assert fired(found) == [reason]
    assert all(verdict["should_retrain"] for verdict in found.document["verdicts"].values())


@pytest.mark.parametrize("reason", CASES)
def test_a_trigger_that_is_off_counts_under_none(reason: str) -> None:
    setting, batches, seen = CASES[reason]
    assert not report(*batches, config=ADAPTIVE.model_copy(update={setting: "off"}), **seen).should_retrain


def test_ratings_as_before_trigger_nothing() -> None:
    assert fired(report(ratings(4_000), days=179.0)) == []


def test_the_reason_names_the_limit_that_counts() -> None:
    assert report(ratings(100), days=181.0).reason.startswith(
        "the champion was trained more than 180 days before the newest file; drift score"
    )


def test_the_headline_names_the_triggers_that_call_and_nothing_else() -> None:
    found = report(ratings(4_000, first_user=200), days=181.0)
    words = "unknown users, old champion"
    assert f"### Retrain ({words}): drift score" in found.markdown()
    assert f"Retrain ({words}): drift score" in found.html()


def test_a_batch_of_unknown_users_counts_though_batches_of_known_ones_follow() -> None:
    found = report(ratings(4_000, first_user=200), *[ratings(2_000)] * 2, config=ADAPTIVE)
    assert found.document["users"]["new_row_share"] != pytest.approx(1.0)
    assert "unknown_users" in fired(found)


@pytest.mark.parametrize("new", [ratings(4_000, first_user=200, users=29), ratings(2_000, first_user=200)])
def test_few_unknown_users_or_ratings_wait_for_more(new: Ratings) -> None:
    assert not report(new).should_retrain


def test_a_share_that_may_be_chance_triggers_nothing() -> None:
    one = replace(ratings(4_000), user_id=np.where(np.arange(4_000) < 1_600, 999, np.arange(4_000) % 200))
    found = report(one)
    assert found.document["users"]["new_row_share"] == pytest.approx(0.4)
    assert fired(found) == []


def test_the_interval_of_a_share_holds_it_and_shrinks_as_users_come() -> None:
    def width(users: int) -> float:
        known, new = np.arange(users), np.arange(users // 2, users + users // 2)
        found = mix(*(Occurrences(ids, np.full(users, 20)) for ids in (known, new)))
        assert found is not None
        assert found.new_row_interval is not None
        low, high = found.new_row_interval
        assert low < found.new_row_share < high
        return high - low

    assert width(1_000) == pytest.approx(width(10_000) * 10**0.5, rel=0.01)

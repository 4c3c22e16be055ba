"""Signals as entries: what reports show of each, and when one calls for a retraining by itself."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from reco_assets.drift.assessment import Compared, DriftReport, report_on
from reco_assets.drift.cells import Cells, ScoredRatings, cells_of, count_batches
from reco_assets.drift.histograms import RATINGS, of_values
from reco_assets.drift.measures import Occurrences
from reco_assets.drift.scan import Arrival, Scan
from reco_assets.drift.signals import SIGNALS, Signal, Trigger, Yardstick
from reco_assets.drift.spans import Spans
from reco_assets.models.ratings import Ratings
from resources.settings.drift import DriftSettings

CONFIG = DriftSettings(bootstrap_samples=199)
RMSE = next(signal for signal in SIGNALS if signal.name == "rmse")
NO_TESTS = ScoredRatings(*(np.empty(0, kind) for kind in (np.int32, np.float32, np.float32, bool)))


def lowest_share(cells: Cells) -> float:
    return float(cells.ratings.total[0] / max(cells.ratings.rows, 1))


def measure_lowest(yardstick: Yardstick, current: Cells, windows: int) -> dict[str, Any]:
    shares = [lowest_share(side) for side in (yardstick.reference, current)]
    return {"share": shares[1], "rise": shares[1] - shares[0], "windows": windows}


def rises(yardstick: Yardstick, spans: Spans) -> np.ndarray:
    inside = [spans.cells.between(window.start, window.end) for window in spans.windows]
    return np.array([measure_lowest(yardstick, cells, 1)["rise"] for cells in inside])


LOWEST = Signal(
    "lowest",
    measure_lowest,
    shown={"share of half a star": "share"},
    numbers={"lowest_share": "share"},
    triggers=Trigger(
        reason="many_lowest",
        sentence="many ratings are half a star, whatever the threshold of {threshold:g} says",
        limit=lambda _: 0.015,
        strength=lambda measured: measured["rise"],
        is_sure=lambda *_: True,
        strengths=rises,
    ),
)


def ratings(rows: int, lowest: int, seed: int) -> Ratings:
    """Of so many rows around 3.5 stars, `lowest` moved to half a star."""
    rng = np.random.default_rng(seed)
    stars = np.clip(np.round(rng.normal(3.5, 1, rows) * 2) / 2, 1, 5).astype(np.float32)
    stars[:lowest] = 0.5
    return Ratings(rng.permutation(np.arange(rows) % 300), np.arange(rows) % 50, stars)


def reference() -> Cells:
    rated = ratings(20_000, 200, seed=0)
    movies = Occurrences.of(rated.movie_id)
    return cells_of(of_values(RATINGS, rated.user_id, rated.rating), NO_TESTS, movies)


def report(*lowest: int, signals: Sequence[Signal]) -> DriftReport:
    """On batches of 4,000 rows each, so many of which are half a star."""
    yardstick, scan = Yardstick(reference(), CONFIG, signals), Scan()
    for at, count in enumerate(lowest):
        rated = ratings(4_000, count, seed=at + 1)
        none = np.empty(0, np.int64)
        cells = count_batches(np.zeros(len(rated), np.int64), rated, none, NO_TESTS, first=at)
        scan = scan.take([Arrival(str(at), str(at), len(rated), 0)], cells, yardstick)
    return report_on(scan, Compared([str(at) for at in range(len(lowest))], "v", {}), yardstick)


def test_a_signal_that_is_added_is_in_the_document_the_tables_and_the_numbers() -> None:
    found = report(40, signals=(*SIGNALS, LOWEST))
    assert found.document["lowest"]["share"] == pytest.approx(0.01)
    assert "share of half a star" in found.html()
    assert "| share of half a star | 0.01 |" in found.markdown()
    assert found.scalars()["lowest_share"] == pytest.approx(0.01)


def test_without_it_no_report_knows_of_it() -> None:
    found = report(40, signals=SIGNALS)
    assert "lowest" not in found.document
    assert "half a star" not in found.html()


def test_an_added_signal_beyond_its_limit_retrains_under_both_policies_and_says_why() -> None:
    found = report(120, signals=(*SIGNALS, LOWEST))
    assert found.should_retrain
    assert found.document["reason_codes"] == ["many_lowest", "below_threshold", "insufficient_warm_pairs"]
    assert found.reason.startswith("many ratings are half a star, whatever the threshold of 1 says; drift score")
    assert all(verdict["should_retrain"] for verdict in found.document["verdicts"].values())
    assert found.document["pool"]["verdicts"]["documented"]["should_retrain"]


def test_an_added_signal_within_its_limit_retrains_nothing() -> None:
    assert not report(40, signals=(*SIGNALS, LOWEST)).should_retrain


def test_a_batch_beyond_the_limit_counts_though_quiet_ones_follow() -> None:
    found = report(120, 40, 40, 40, signals=(*SIGNALS, LOWEST))
    assert found.document["pool"]["verdicts"]["documented"]["should_retrain"] is False
    assert found.document["reason_codes"][0] == "many_lowest"


@pytest.mark.parametrize(
    ("shift", "interval", "fires"),
    [(0.2, [0.1, 0.3], True), (0.2, [-0.1, 0.5], False), (0.05, [0.01, 0.09], False)],
)
def test_worse_errors_fire_only_beyond_the_limit_and_surely(shift: float, interval: list[float], fires: bool) -> None:
    assert RMSE.triggers is not None
    assert RMSE.triggers.fires({"shift": shift, "interval": interval}, 0.1) is fires


def test_errors_that_could_not_be_measured_fire_nothing() -> None:
    assert RMSE.triggers is not None
    assert not RMSE.triggers.fires(None, 0.1)

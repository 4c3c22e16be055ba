"""Performance drift: a verdict of its own that stands above the drift score."""

from collections.abc import Sequence

import numpy as np
import pytest

from reco_assets.drift.assessment import Compared, DriftReport, no_report, report_on
from reco_assets.drift.cells import Cells, ScoredRatings, cells_of, count_batches
from reco_assets.drift.histograms import RATINGS, of_values
from reco_assets.drift.measures import Occurrences
from reco_assets.drift.policy import Reason
from reco_assets.drift.scan import Arrival, Scan
from reco_assets.drift.signals import Yardstick
from reco_assets.models.ratings import Ratings
from resources.settings.drift import DriftSettings

CONFIG = DriftSettings(bootstrap_samples=199)


def predicted(rows: int, error: float, seed: int) -> ScoredRatings:
    """Predictions that are off by about so many stars, of 100 users, around the same mean whatever the error."""
    rng = np.random.default_rng(seed)
    stars = rng.normal(3, 0.3, rows)
    return ScoredRatings(np.arange(rows) % 100, stars + rng.normal(0, error, rows), stars, np.ones(rows, bool))


def trained(rows: int, seed: int) -> Ratings:
    rng = np.random.default_rng(seed)
    return Ratings(np.arange(rows) % 100, np.arange(rows) % 50, rng.integers(1, 11, rows) / 2)


def report(*errors: float, rows: int = 1_000) -> DriftReport:
    """On batches of 4,000 training ratings without drift, with so many test ratings it misses by that."""
    known = trained(20_000, 0)
    rated = of_values(RATINGS, known.user_id, known.rating)
    reference = cells_of(rated, predicted(5_000, 0.84, 0), Occurrences.of(known.movie_id))
    yardstick, scan = Yardstick(reference, CONFIG), Scan()
    for at, error in enumerate(errors):
        zeros = np.zeros(4_000, np.int64), np.zeros(rows, np.int64)
        cells: Cells = count_batches(zeros[0], trained(4_000, at + 1), zeros[1], predicted(rows, error, at + 1), at)
        scan = scan.take([Arrival(str(at), str(at), 4_000, rows)], cells, yardstick)
    return report_on(scan, Compared([str(at) for at in range(len(errors))], "v", {}), yardstick)


def places(text: str, said: Sequence[str]) -> list[int]:
    return [text.index(each) for each in said]


def test_a_champion_that_errs_more_is_said_above_a_small_score_everywhere() -> None:
    found = report(1.19)
    assert not found.should_retrain
    assert found.document["performance_drift"]["status"] == "worse"
    said = "The champion's RMSE went from 0.84 on its own test to 1.22 on new labels: +0.38 stars"
    assert found.reason.startswith(said)
    for text in (found.markdown(), found.html().replace("&#39;", "'")):
        assert places(text, [said, "drift score"]) == sorted(places(text, [said, "drift score"]))
    assert 'class="verdict worse"' in found.html()


def test_the_worst_window_decides_though_quiet_batches_follow() -> None:
    found = report(1.19, 0.84, 0.84).document
    assert found["performance_drift"]["shift"] >= max(found["rmse"]["shift"], 0.1)
    assert report(0.84, 0.84, 1.19).document["performance_drift"]["status"] == "worse"


@pytest.mark.parametrize(("error", "status"), [(0.84, "not_significant"), (0.5, "better")])
def test_a_champion_that_errs_no_more_is_said_so_and_not_in_the_reason(error: float, status: str) -> None:
    found = report(error)
    assert found.document["performance_drift"]["status"] == status
    assert found.reason.startswith("drift score")
    assert found.markdown().startswith("### Performance drift: ")


def test_too_few_new_labels_are_said_to_be_too_few() -> None:
    found = report(1.19, rows=50)
    assert found.document["performance_drift"] == {"status": "insufficient"}
    assert found.markdown().startswith("### Performance drift: not judged, there are too few new labels")


def test_where_nothing_was_compared_there_is_no_such_verdict() -> None:
    found = no_report([Reason.NO_BATCHES], CONFIG)
    assert found.document["performance_drift"] == {"status": "no_batches"}
    assert "Performance drift" not in found.markdown() + found.html()


def test_pages_call_the_change_of_predictions_prediction_drift() -> None:
    page = report(0.84).html()
    assert "prediction drift" in page
    assert "model drift" not in page.lower()

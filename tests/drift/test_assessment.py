"""The drift report: what it holds, that it is a function of its inputs alone, and how it is shown."""

import json
import math
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reco_assets.batches.accepted import set_name
from reco_assets.drift.assessment import Compared, DriftReport, no_report, report_on
from reco_assets.drift.cells import ScoredRatings, cells_of
from reco_assets.drift.decision import JUDGES
from reco_assets.drift.document import SECTIONS, tables
from reco_assets.drift.histograms import RATINGS, UserHistogram, of_values
from reco_assets.drift.measures import Occurrences
from reco_assets.drift.policy import Reason, should_retrain
from reco_assets.drift.scan import Arrival, Scan
from reco_assets.drift.signals import Yardstick
from resources.settings.drift import DriftSettings

CONFIG = DriftSettings(bootstrap_samples=199)
NO_VALUES = np.array([])
HALF_STARS = np.arange(1, 11) / 2


@dataclass(frozen=True)
class DriftInputs:
    """What is compared where no windows are asked for: training and test ratings of the champion with new ones.

    `batches` in the order of their arrival; `delta_versions`: of every table that was read; movies: how often each is
    rated in the training ratings, old and new.
    """

    batches: tuple[str, ...]
    model_version: str | None
    delta_versions: Mapping[str, int | None]
    reference_train: UserHistogram
    current_train: UserHistogram
    reference_test: ScoredRatings
    current_test: ScoredRatings
    reference_movies: Occurrences
    current_movies: Occurrences


Inputs = Callable[..., DriftInputs]


def assess(inputs: DriftInputs, config: DriftSettings) -> DriftReport:
    """Score data drift and model drift of new ratings as one window and decide under both policies."""
    reference = cells_of(inputs.reference_train, inputs.reference_test, inputs.reference_movies)
    new = cells_of(inputs.current_train, inputs.current_test, inputs.current_movies)
    rows = inputs.current_train.rows, len(inputs.current_test.user_id)
    yardstick = Yardstick(reference, config)
    scan = Scan().take([Arrival("", "", *rows)], new, yardstick)
    return report_on(scan, Compared(inputs.batches, inputs.model_version, inputs.delta_versions), yardstick)


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


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict | list):
        return [n for part in (value.values() if isinstance(value, dict) else value) for n in numbers(part)]
    return [value] if isinstance(value, float) else []


def shuffled(scored: ScoredRatings) -> ScoredRatings:
    order = np.random.default_rng(9).permutation(len(scored.user_id))
    return ScoredRatings(*(getattr(scored, name)[order] for name in ("user_id", "rating", "predicted", "warm")))


def test_the_documented_keys_come_first(inputs: Inputs) -> None:
    document = assess(inputs(), CONFIG).document
    assert list(document)[:4] == ["should_retrain", "drift_score", "data_drift", "model_drift"]
    assert should_retrain(document["data_drift"], document["model_drift"]) == {
        name: document[name] for name in ("should_retrain", "drift_score")
    }


def test_ratings_as_before_need_no_retraining(inputs: Inputs) -> None:
    report = assess(inputs(), CONFIG)
    assert not report.should_retrain
    assert report.document["reason_codes"] == ["below_threshold"]


def test_ratings_a_star_lower_lead_to_a_retraining_under_every_policy(inputs: Inputs) -> None:
    document = assess(inputs(shift=-1.0), CONFIG).document
    assert [verdict["should_retrain"] for verdict in document["verdicts"].values()] == [True] * 3
    assert document["drift_score"] == max(document["data_drift"]["score"], document["model_drift"]["score"])


def test_the_configured_policy_decides(inputs: Inputs) -> None:
    few = inputs(shift=-1.0, users=10)
    assert assess(few, CONFIG).should_retrain
    decided = assess(few, CONFIG.model_copy(update={"policy": "calibrated"}))
    assert not decided.should_retrain
    assert decided.document["reason_codes"] == ["insufficient_data"]


def test_a_report_names_what_was_compared(inputs: Inputs) -> None:
    document = assess(inputs(), CONFIG).document
    assert document["batches"] == {"count": 2, "name": set_name(["b1", "b2"]), "newest": ["b2", "b1"], "corrections": 0}
    assert document["model_version"] == "20260101_000000"
    assert document["delta_versions"] == {"silver/test_ratings": 2, "silver/train_ratings": 3}
    assert document["data_drift"]["rows"] == {"reference": 5_000, "current": 600}
    assert document["data_drift"]["users"] == {"reference": 100, "current": 60}
    assert document["users"]["new_share"] == pytest.approx(40 / 60)


def test_each_drift_comes_with_its_uncertainty(inputs: Inputs) -> None:
    for section in ("data_drift", "model_drift"):
        found = assess(inputs(), CONFIG).document[section]
        assert 0 < found["p_value"] <= 1
        assert found["score_interval"][0] <= found["score"] <= found["score_interval"][1]
        assert found["mean_shift_interval"][0] < found["mean_shift"] < found["mean_shift_interval"][1]
        assert 0 <= found["kl_corrected"] < found["kl"]
        assert found["smallest_detectable_shift"] > 0


def test_prediction_drift_looks_at_warm_pairs_only(inputs: Inputs) -> None:
    given = inputs()
    wild = replace(given.current_test, predicted=np.where(given.current_test.warm, given.current_test.predicted, 0.5))
    found = assess(replace(given, current_test=wild), CONFIG).document["model_drift"]
    assert found == assess(given, CONFIG).document["model_drift"]
    assert found["rows"]["current"] == given.current_test.warm.sum()


def test_too_few_warm_pairs_leave_the_decision_to_data_drift(inputs: Inputs) -> None:
    given = inputs(shift=-1.0)
    warm = np.arange(len(given.current_test.warm)) < 199
    document = assess(replace(given, current_test=replace(given.current_test, warm=warm)), CONFIG).document
    assert document["model_drift"]["status"] == "insufficient"
    assert document["model_drift"]["score"] is None
    assert document["rmse"] is None
    assert document["drift_score"] == document["data_drift"]["score"]
    assert document["reason_codes"] == ["drift_above_threshold", "insufficient_warm_pairs"]


def test_batches_without_a_good_row_are_insufficient(inputs: Inputs) -> None:
    nothing = ScoredRatings(NO_VALUES, NO_VALUES, NO_VALUES, NO_VALUES.astype(bool))
    empty = of_values(RATINGS, NO_VALUES.astype(int), NO_VALUES)
    report = assess(inputs(current_train=empty, current_test=nothing), CONFIG)
    assert not report.should_retrain
    assert report.document["reason_codes"] == ["insufficient_data", "insufficient_warm_pairs"]
    assert report.document["data_drift"]["status"] == "insufficient_data"
    assert report.reason.startswith("no training rating waits, so there is nothing to compare")
    assert json.dumps(report.document, allow_nan=False)
    assert report.html()


def test_the_ratings_of_one_user_prove_nothing(inputs: Inputs) -> None:
    report = assess(inputs(shift=-1.0, users=1), CONFIG)
    assert "p_value" not in report.document["data_drift"]
    assert report.document["verdicts"]["calibrated"]["reason_codes"] == ["insufficient_data"]
    assert report.markdown()


@pytest.mark.parametrize("policy", JUDGES)
@pytest.mark.parametrize("reason", [Reason.NO_BATCHES, Reason.NO_CHAMPION])
def test_where_nothing_can_be_compared_nothing_is_retrained(reason: Reason, policy: str) -> None:
    report = no_report([reason], CONFIG.model_copy(update={"policy": policy}))
    assert not report.should_retrain
    assert report.document["verdicts"].keys() == set(JUDGES)
    assert report.document["drift_score"] == 0.0
    assert report.document["reason_codes"] == [reason]
    assert report.scalars() == {"drift_score": 0.0}
    assert report.plots() == ""
    assert report.reason in report.html()


def test_a_page_on_nothing_says_so_and_shows_no_blanks(inputs: Inputs) -> None:
    report = no_report([Reason.NO_BATCHES, Reason.NO_CHAMPION], CONFIG)
    assert "Nothing was compared" in report.html()
    assert "no batch is waiting; there is no champion to compare with; train one first: reco train" in report.html()
    assert 'class="verdict nothing"' in report.html()
    assert "<table" not in report.html()
    assert "|" not in report.markdown()


def test_the_champion_is_judged_on_the_new_labels(inputs: Inputs) -> None:
    given = inputs()
    off = replace(given.current_test, rating=given.current_test.predicted - 3)
    document = assess(replace(given, current_test=off), CONFIG.model_copy(update={"rmse_trigger": 0.5})).document
    assert document["rmse"]["current"] == pytest.approx(3)
    assert document["rmse"]["shift"] == pytest.approx(3 - document["rmse"]["reference"])
    assert document["reason_codes"] == ["rmse_worse", "below_threshold"]
    assert document["should_retrain"]


def test_row_order_and_partitioning_change_nothing(inputs: Inputs) -> None:
    given = inputs()

    def from_parts(side: UserHistogram) -> UserHistogram:
        users = np.repeat(side.user_id, side.rows_per_user)
        stars = np.concatenate([np.repeat(RATINGS.centres, row) for row in side.counts.toarray()])
        part = np.random.default_rng(3).integers(0, 4, len(users))
        first, *others = (of_values(RATINGS, users[part == n], stars[part == n]) for n in range(4))
        for other in others:
            first = other.merge(first)
        return first

    reordered = replace(
        given,
        reference_train=from_parts(given.reference_train),
        current_train=from_parts(given.current_train),
        reference_test=shuffled(given.reference_test),
        current_test=shuffled(given.current_test),
    )
    assert json.dumps(assess(reordered, CONFIG).document) == json.dumps(assess(given, CONFIG).document)


def test_other_inputs_or_settings_make_another_report(inputs: Inputs) -> None:
    given = inputs()
    ids = {
        assess(given, CONFIG).report_id,
        assess(replace(given, batches=("b1", "b3")), CONFIG).report_id,
        assess(replace(given, model_version="20260102_000000"), CONFIG).report_id,
        assess(given, CONFIG.model_copy(update={"threshold": 1.5})).report_id,
    }
    assert len(ids) == 4


@pytest.mark.slow
def test_two_processes_write_the_same_report_bit_for_bit(tmp_path: Path) -> None:
    script = tmp_path / "report.py"
    script.write_text(REPORT_SCRIPT)
    written = {
        subprocess.run(
            [sys.executable, str(script)], capture_output=True, check=True, env={"OPENBLAS_NUM_THREADS": threads}
        ).stdout
        for threads in ("1", "2")
    }
    assert len(written) == 1


REPORT_SCRIPT = """
import json
import numpy as np
from reco_assets.drift.assessment import Compared, report_on
from reco_assets.drift.cells import ScoredRatings, cells_of
from reco_assets.drift.histograms import RATINGS, of_values
from reco_assets.drift.scan import Arrival, Scan
from reco_assets.drift.measures import Occurrences
from reco_assets.drift.signals import Yardstick
from resources.settings.drift import DriftSettings

rng = np.random.default_rng(0)

def scored(n):
    stars, predicted = rng.integers(1, 11, n) / 2, rng.normal(3.5, 0.4, n)
    return ScoredRatings(rng.integers(0, 300, n), stars, predicted, rng.random(n) < 0.9)

def counted(n):
    return of_values(RATINGS, rng.integers(0, 3_000, n), rng.normal(3.4, 1, n))

movies = [Occurrences.of(rng.integers(0, 50, 900)) for _ in range(2)]
train, test = [counted(rows) for rows in (30_000, 900)], [scored(rows) for rows in (4_000, 900)]
reference, new = map(cells_of, train, test, movies)
scan = Scan().take([Arrival("b", "", 900, 900)], new, Yardstick(reference, DriftSettings()))
report = report_on(scan, Compared(("b",), "v", {"t": 1}), Yardstick(reference, DriftSettings()))
print(json.dumps(report.document), report.html())
"""


def test_every_number_is_finite_and_the_document_is_json(inputs: Inputs) -> None:
    document = assess(inputs(shift=-4.0), CONFIG).document
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert all(math.isfinite(number) for number in numbers(document))


def test_scalars_have_stable_names(inputs: Inputs) -> None:
    scalars = assess(inputs(), CONFIG).scalars()
    assert set(scalars) == {
        "drift_score",
        *("data_drift_score", "data_kl", "data_kl_corrected", "data_mean_shift", "data_median_shift", "data_p_value"),
        *("data_smallest_detectable_shift", "data_rows", "data_users"),
        *("model_drift_score", "model_kl", "model_kl_corrected", "model_mean_shift", "model_median_shift"),
        *("model_p_value", "model_smallest_detectable_shift", "model_rows", "model_users"),
        *("new_user_share", "user_mix_divergence", "new_movie_share", "movie_mix_divergence"),
        *("rmse_reference", "rmse_current", "rmse_shift", "pool_drift_score", "deciding_share", "windows_judged"),
        *("performance_shift", "new_user_row_share", "new_movie_row_share", "volume"),
    }
    assert all(isinstance(value, float) for value in scalars.values())


def test_the_markdown_says_the_verdict_and_shows_both_policies(inputs: Inputs) -> None:
    text = assess(inputs(shift=-1.0), CONFIG).markdown()
    assert "### Retrain: drift score" in text
    assert "| documented (decides) | yes |" in text
    assert "| calibrated | yes |" in text


def test_plots_are_images_inside_the_markdown(inputs: Inputs) -> None:
    assert assess(inputs(), CONFIG).plots().count("(data:image/png;base64,") == 2


def test_the_page_is_light_and_loads_nothing(inputs: Inputs) -> None:
    page = assess(inputs(model_version="<b>v1</b>"), CONFIG).html()
    assert len(page) < 300_000
    assert "<b>v1</b>" not in page
    assert not re.search(r"(?:src|href)=\"(?!data:)|https?://|<script", page)


def test_what_the_measures_add_is_the_score_of_their_section(inputs: Inputs) -> None:
    report = assess(inputs(shift=-1.0), CONFIG)
    titled = dict(tables(report.document, report.signals))
    for section, title in SECTIONS.items():
        added = [float(row[-1]) for row in titled["What made the score"] if row[0] == title]
        assert len(added) == 3
        assert sum(added) == pytest.approx(report.document[section]["score"], rel=1e-3)


def test_a_page_that_says_when_it_was_made_leads_to_all_reports(inputs: Inputs) -> None:
    page = assess(inputs(), CONFIG).html(datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    assert "2026-01-02 03:04 UTC" in page
    assert 'href="index.html"' in page


def test_a_report_stays_light_however_many_batches_wait(inputs: Inputs) -> None:
    few, many = (assess(inputs(batches=tuple(f"{n:064x}" for n in range(count))), CONFIG) for count in (20, 10_000))
    assert len(json.dumps(many.document)) < len(json.dumps(few.document)) + 100
    assert len(many.html()) < len(few.html()) + 100
    assert many.document["batches"]["count"] == 10_000


def test_the_reason_names_the_score_that_the_policy_judged(inputs: Inputs) -> None:
    given = inputs()
    few = given.current_test.user_id % 20
    wild = replace(given.current_test, user_id=few, predicted=given.current_test.predicted - 2)
    report = assess(replace(given, current_test=wild), CONFIG.model_copy(update={"policy": "calibrated"}))
    assert report.document["reason_codes"] == ["below_threshold", "insufficient_users"]
    assert f"drift score {report.document['data_drift']['score']:.2f} is not above 1" in report.reason

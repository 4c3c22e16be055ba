"""What quiet batches may not hide: reports on batches that arrive one after the other, shifted and not."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reco_assets.drift.assessment import Compared, DriftReport, report_on
from reco_assets.drift.cells import Cells, ScoredRatings, cells_of, count_batches
from reco_assets.drift.histograms import RATINGS, of_values
from reco_assets.drift.measures import Occurrences
from reco_assets.drift.scan import Arrival, Scan
from reco_assets.drift.signals import Yardstick
from reco_assets.models.ratings import Ratings
from resources.settings.drift import DriftSettings

CONFIG = DriftSettings(bootstrap_samples=199)
CALIBRATED = CONFIG.model_copy(update={"policy": "calibrated"})
USERS_ROWS = 40


@dataclass(frozen=True)
class File:
    """Ratings of whole new users: training rows, the shift of their mean in stars, and the intake they come with.

    `heavy`: how many of the rows are the first user's.
    """

    rows: int
    shift: float = 0.0
    intake: str = ""
    heavy: int = USERS_ROWS


def ratings(rows: int, shift: float, rng: np.random.Generator, first_user: int, heavy: int = USERS_ROWS) -> Ratings:
    users = first_user + (np.arange(rows) + USERS_ROWS - heavy).clip(0) // USERS_ROWS
    level = rng.normal(3.5 + shift, 0.3, rows // USERS_ROWS + 1)[users - first_user]
    stars = np.rint(rng.normal(level, 0.9) * 2).clip(1, 10) / 2
    return Ratings(users, rng.integers(0, 300, rows), stars)


def predicted(given_ratings: Ratings, shift: float = 0.0) -> ScoredRatings:
    rng = np.random.default_rng(len(given_ratings))
    stars = rng.normal(3.5 + shift, 0.4, len(given_ratings))
    return ScoredRatings(given_ratings.user_id, given_ratings.rating, stars, np.ones(len(given_ratings), bool))


def reference() -> Cells:
    rng = np.random.default_rng(0)
    train, test = ratings(40_000, 0, rng, 0), ratings(8_000, 0, rng, 0)
    rated = of_values(RATINGS, train.user_id, train.rating)
    return cells_of(rated, predicted(test), Occurrences.of(train.movie_id))


REFERENCE = reference()


def batch(file: File, number: int, at: int) -> Cells:
    rng = np.random.default_rng(number + 1)
    train = ratings(file.rows, file.shift, rng, 10_000 * (number + 1), file.heavy)
    test = ratings(file.rows // 4, file.shift, rng, 10_000 * (number + 1))
    zeros = np.zeros(len(train), int), np.zeros(len(test), int)
    return count_batches(zeros[0], train, zeros[1], predicted(test), at)


def scanned(files: Sequence[File], portions: Sequence[int] = (), config: DriftSettings = CONFIG) -> Scan:
    """A scan that took the files in portions that end at these numbers, and the rest at last."""
    scan = Scan()
    for end in (*portions, len(files)):
        new = range(scan.starts.end, end)
        if not new:
            continue
        arrivals = [Arrival(str(n), files[n].intake or str(n), files[n].rows, files[n].rows // 4) for n in new]
        cells = batch(files[new[0]], new[0], new[0])
        for n in new[1:]:
            cells = cells.then(batch(files[n], n, n))
        scan = scan.take(arrivals, cells, Yardstick(REFERENCE, config))
    return scan


def report(*files: File, config: DriftSettings = CONFIG, portions: Sequence[int] = ()) -> DriftReport:
    scan = scanned(files, portions, config)
    return report_on(scan, Compared([str(n) for n in range(len(files))], "v", {}), Yardstick(REFERENCE, config))


def pool_retrains(found: DriftReport, policy: str = "documented") -> bool:
    return bool(found.document["pool"]["verdicts"][policy]["should_retrain"])


QUIET, SHIFTED = File(17_000), File(4_000, -1.0)


@pytest.mark.parametrize("config", [CONFIG, CALIBRATED])
def test_a_quiet_file_and_then_a_shifted_one_retrain(config: DriftSettings) -> None:
    found = report(QUIET, SHIFTED, config=config)
    assert found.should_retrain
    assert not pool_retrains(found, config.policy)
    assert found.document["window"]["name"] == "newest intake = newest batch"
    assert found.document["drift_score"] > 1.0 > found.document["pool"]["drift_score"]


@pytest.mark.parametrize("config", [CONFIG, CALIBRATED])
@pytest.mark.parametrize("portions", [(), (1,)])
def test_a_shifted_file_that_a_quiet_one_follows_retrains(config: DriftSettings, portions: Sequence[int]) -> None:
    found = report(SHIFTED, QUIET, config=config, portions=portions)
    assert found.should_retrain
    assert not pool_retrains(found, config.policy)
    assert found.document["window"]["name"] == "1 of 2 batches, up to no. 1"
    assert [line["name"] for line in found.document["windows"] if line["decides"]] == ["1 of 2 batches, up to no. 1"]


@pytest.mark.parametrize("portions", [(), (1, 2, 3)])
def test_a_larger_score_that_may_be_chance_does_not_hide_a_shift_that_is_none(portions: Sequence[int]) -> None:
    by_one_user, by_many = File(5_000, -0.7, heavy=3_600), File(4_000, -0.5)
    chance = report(QUIET, by_one_user, config=CALIBRATED)
    assert chance.document["reason_codes"][0] == "not_significant"
    found = report(QUIET, by_one_user, by_many, QUIET, config=CALIBRATED, portions=portions)
    assert found.should_retrain
    assert chance.document["drift_score"] > found.document["drift_score"]


def test_a_shifted_file_in_the_midst_of_quiet_ones_of_the_same_intake_retrains() -> None:
    files = [File(4_000, -1.0 if n == 3 else 0.0, "one") for n in range(8)]
    found = report(*files)
    assert found.should_retrain
    assert not pool_retrains(found)


def test_a_slow_ramp_retrains_before_it_moves_all_that_waits() -> None:
    ramp = [File(3_000, -0.12 * step) for step in range(12)]
    windows, pool = (next(n for n in range(1, 13) if retrains(report(*ramp[:n]))) for retrains in (_own, pool_retrains))
    assert windows < pool


def _own(found: DriftReport) -> bool:
    return found.should_retrain


def test_one_tiny_shifted_file_after_a_large_quiet_one_waits_for_more_and_the_report_shows_its_score() -> None:
    found = report(QUIET, File(400, -1.5))
    assert not found.should_retrain
    newest = found.document["windows"][0]
    assert (newest["judged"], newest["rows"], newest["data_score"] > 1.0) == (False, 400, True)
    assert "not judged: fewer than 3,000 training rows and a score not above 18.75" in found.markdown()


def test_many_tiny_shifted_files_after_a_large_quiet_one_retrain_once_they_are_enough() -> None:
    tiny = [File(400, -1.5)] * 10
    retrained = [report(QUIET, *tiny[:count]).should_retrain for count in range(1, 11)]
    assert retrained == [False] * 2 + [True] * 8
    assert not pool_retrains(report(QUIET, *tiny[:3]))


@pytest.mark.parametrize("config", [CONFIG, CALIBRATED])
@pytest.mark.parametrize("portions", [(), (1, 2, 3)])
def test_a_clearly_shifted_file_just_below_the_least_rows_is_not_hidden_by_quiet_ones(
    config: DriftSettings, portions: Sequence[int]
) -> None:
    found = report(QUIET, File(2_880, -1.5), QUIET, config=config, portions=portions)
    assert found.should_retrain
    assert not pool_retrains(found, config.policy)
    assert found.document["window"]["name"] == "1 of 3 batches, up to no. 2"


def test_a_file_below_the_least_rows_needs_a_score_above_a_bar_that_rises_as_rows_get_fewer() -> None:
    lines = [report(QUIET, File(rows, -0.5)).document["windows"][0] for rows in (3_000, 2_880, 1_500)]
    assert [line["bar"] for line in lines] == pytest.approx([1.0, 2.5 * 3_000 / 2_880, 5.0])
    assert all(line["drift_score"] > 1.0 for line in lines)
    assert [line["judged"] for line in lines] == [True, False, False]


def test_the_p_value_of_a_small_window_is_corrected_for_all_windows_that_might_have_been_judged() -> None:
    found = report(QUIET, File(2_500), File(1_200), File(500), File(500, -3.0), config=CALIBRATED)
    assert (found.document["window"]["rows"], len(found.document["windows"])) == (2_200, 5)
    assert found.document["data_drift"]["windows_judged"] == 5


def test_a_worse_error_of_a_small_window_triggers_nothing_though_its_score_is_judged() -> None:
    found = report(QUIET, File(2_880, -1.5), config=CONFIG.model_copy(update={"rmse_trigger": 0.5}))
    assert found.document["windows"][0]["judged"]
    assert found.document["rmse"]["shift"] > 0.5
    assert "rmse_worse" not in found.document["reason_codes"]


def test_a_small_file_that_waits_alone_is_judged_as_it_was() -> None:
    assert report(File(400, -1.5)).should_retrain


def test_a_small_file_that_was_judged_alone_says_nothing_once_more_waits() -> None:
    assert not report(File(400, -1.5), QUIET).should_retrain


@pytest.mark.parametrize("config", [CONFIG, CALIBRATED])
def test_quiet_files_stay_quiet(config: DriftSettings) -> None:
    files = [File(rows) for rows in (17_000, 4_000, 4_000, 3_500, 200, 200, 9_000, 3_000)]
    assert not any(report(*files[:count], config=config).should_retrain for count in range(1, 9))


def test_a_report_says_how_much_of_what_waits_is_shifted() -> None:
    found = report(QUIET, SHIFTED)
    assert {name: found.document["window"][name] for name in ("batches", "of_batches", "rows", "of_rows")} == {
        "batches": 1,
        "of_batches": 2,
        "rows": 4_000,
        "of_rows": 21_000,
    }
    assert "4,000 of 21,000 training ratings that wait, 19%" in found.reason
    assert "4,000 of 21,000" in found.html()


def test_the_p_value_is_corrected_for_the_windows_judged() -> None:
    sections = report(QUIET, SHIFTED).document["data_drift"]
    assert sections["windows_judged"] == 2
    assert sections["p_value_corrected"] == pytest.approx(2 * sections["p_value"])
    assert sections["p_value"] <= 0.01 / 2


def test_a_champion_that_is_worse_on_the_newest_file_alone_triggers_where_it_is_asked_for() -> None:
    config = CONFIG.model_copy(update={"rmse_trigger": 0.1})
    files = [File(17_000), File(4_000)]
    worse = batch(files[1], 1, 1)
    worse = Cells(worse.train, worse.warm + np.array([0, 0, 0, 0, 3_000_000_000]) * worse.warm[:, 3:4], worse.movies)
    arrivals = [Arrival(str(n), str(n), file.rows, file.rows // 4) for n, file in enumerate(files)]
    yardstick = Yardstick(REFERENCE, config)
    scan = Scan().take(arrivals, batch(files[0], 0, 0).then(worse), yardstick)
    found = report_on(scan, Compared(["0", "1"]), yardstick)
    assert found.should_retrain
    assert found.document["reason_codes"][0] == "rmse_worse"


@given(
    st.lists(st.tuples(st.sampled_from([0, 300, 3_500]), st.sampled_from([0.0, -1.0]), st.integers(0, 3)), min_size=2),
    st.lists(st.integers(0, 8), max_size=3),
)
@example([(3_500, -1.0, 0), (0, 0.0, 0)], [1])  # two windows of the same score
@settings(max_examples=15, deadline=None)
def test_portions_in_which_batches_are_read_change_nothing(
    files: list[tuple[int, float, int]], portions: list[int]
) -> None:
    given_files = [File(rows, shift, f"i{intake}" if intake else "") for rows, shift, intake in files[:8]]
    ends = sorted(min(end, len(given_files)) for end in portions)
    whole, parts = report(*given_files), report(*given_files, portions=ends)
    assert json.dumps(whole.document) == json.dumps(parts.document)


def test_cells_of_batches_add_up_to_the_histogram_of_all() -> None:
    first, second = batch(File(500), 0, 0), batch(File(700, -0.5), 1, 1)
    together = first.then(second)
    merged = first.ratings.merge(second.ratings)
    assert together.ratings.total.tolist() == merged.total.tolist()
    assert together.compacted(np.array([0])).ratings.counts.toarray().tolist() == merged.counts.toarray().tolist()
    assert together.between(1, 2).predictions.total.tolist() == second.predictions.total.tolist()


def test_markdown_and_page_show_every_window_and_which_one_decides() -> None:
    found = report(QUIET, SHIFTED)
    assert "| newest intake = newest batch | 1 | 4,000 |" in found.markdown()
    assert "| all that waits = 2 batches | 2 | 21,000 |" in found.markdown()
    assert found.markdown().count("| decides |") == 1
    assert "<td>newest intake = newest batch</td><td>1</td><td>4,000</td>" in found.html()
    assert "data (ratings), all that waits" in found.html()

"""Reports on a lakehouse whose batches wait: what is kept between reports, and that nothing hangs on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reco_assets.batches.accepted import accept_waiting
from reco_assets.build import build_definitions
from reco_assets.drift import inputs, reference
from reco_assets.drift.inputs import WAITING_FILE, report_on_waiting
from reco_assets.drift.kept import kept_folder
from reco_assets.drift.reference import REFERENCE_FILE
from reco_assets.drift.sampling import SHARES, UserSample
from reco_assets.pipelines.documented import RECO_PIPELINE
from reco_assets.runner.run import materialize_assets
from reco_assets.streaming.intake import take_in
from reco_assets.streaming.simulate import Simulation
from reco_assets.streaming.simulated_file import simulate
from resources.settings import Settings, load_settings
from resources.tables.lakehouse import Lakehouse

Arrive = Callable[..., None]
SMALL = {
    "synthetic_users": 200,
    "synthetic_movies": 300,
    "synthetic_ratings": 20_000,
    "als_max_iter": 3,
    "ranking_max_iter": 3,
    "drift_bootstrap_samples": 199,
    "promotion_bootstrap_samples": 199,
    "drift_min_window_rows": 500,
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = load_settings(lakehouse_path=tmp_path_factory.mktemp("waiting") / "lake", reco_source="synthetic", **SMALL)
    materialize_assets(build_definitions, made, RECO_PIPELINE.assets)
    return made


@pytest.fixture
def lakehouse(settings: Settings) -> Lakehouse:
    """The lakehouse of this module, without a batch that waits."""
    found = Lakehouse.open(settings)
    accept_waiting(found, "earlier test")
    return found


@pytest.fixture
def arrive(lakehouse: Lakehouse, request: pytest.FixtureRequest) -> Arrive:
    """Take in files of whole users, tilted by these many stars, each by an intake of its own unless `together`."""

    def take(*tilts: float, users: int = 15, together: bool = False) -> None:
        for tilt in tilts:
            seed = next(SEEDS)
            simulate(lakehouse.settings, Simulation("history", users, None, tilt, seed), f"{seed}.csv")
            if not together:
                take_in(lakehouse)
        take_in(lakehouse)

    return take


SEEDS = iter(range(1, 1_000))


def kept_file(lakehouse: Lakehouse, name: str) -> Path:
    return kept_folder(lakehouse.settings) / name


@pytest.fixture
def batches_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many batches each read of stream/ratings asked for."""
    asked: list[int] = []
    read = inputs.batch_rows

    def watched(lakehouse: Lakehouse, name: str, batches: list[str], *more: Any) -> object:
        asked.append(len(batches))
        return read(lakehouse, name, batches, *more)

    monkeypatch.setattr(inputs, "batch_rows", watched)
    return asked


def test_a_report_reads_the_rows_of_new_batches_only(
    lakehouse: Lakehouse, arrive: Arrive, batches_read: list[int]
) -> None:
    arrive(0.0, 0.0, 0.0)
    report_on_waiting(lakehouse)
    report_on_waiting(lakehouse)
    arrive(-1.5)
    found = report_on_waiting(lakehouse)
    assert batches_read == [3, 1]
    assert found.document["batches"]["count"] == 4
    assert found.document["data_drift"]["rows"]["reference"] > 0


@pytest.mark.parametrize("file", [WAITING_FILE, REFERENCE_FILE])
@pytest.mark.parametrize("damage", ["lost", "empty", "torn", "flipped"])
def test_what_was_kept_may_be_lost_or_damaged(lakehouse: Lakehouse, arrive: Arrive, file: str, damage: str) -> None:
    arrive(0.0, -1.5)
    before = report_on_waiting(lakehouse)
    path = kept_file(lakehouse, file)
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    path.write_bytes({"empty": b"", "torn": content[: len(content) // 2]}.get(damage, content))
    if damage == "lost":
        path.unlink()
    assert report_on_waiting(lakehouse).document == before.document


def test_a_report_by_frames_says_what_one_from_memory_says(
    lakehouse: Lakehouse, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(0.0, -1.5)
    in_memory = report_on_waiting(lakehouse)
    monkeypatch.setattr(Lakehouse, "goes_by_frames", lambda *_: True)
    for name in (REFERENCE_FILE, WAITING_FILE):
        kept_file(lakehouse, name).unlink()
    assert report_on_waiting(lakehouse).document == in_memory.document


def test_of_too_many_users_a_sample_stands_for_all_and_the_report_says_so(
    lakehouse: Lakehouse, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(-1.5)
    of_all = report_on_waiting(lakehouse).document
    monkeypatch.setattr(Lakehouse, "goes_by_frames", lambda *_: True)
    monkeypatch.setattr(reference.UserSample, "of", lambda _: UserSample(SHARES // 2))
    found = report_on_waiting(lakehouse).document
    assert found["reference_user_share"] == 0.5
    for part in ("data_drift", "model_drift"):
        assert 0.3 < found[part]["users"]["reference"] / of_all[part]["users"]["reference"] < 0.7
        assert found[part]["users"]["current"] == of_all[part]["users"]["current"]
    assert found["data_drift"]["score"] == pytest.approx(of_all["data_drift"]["score"], rel=0.1)
    assert (found["users"]["new_share"], found["movies"]) == (of_all["users"]["new_share"], of_all["movies"])


def test_what_was_kept_under_other_settings_is_not_used(
    lakehouse: Lakehouse, arrive: Arrive, batches_read: list[int]
) -> None:
    arrive(0.0, -1.5)
    report_on_waiting(lakehouse)
    other = lakehouse.settings.changed(drift_min_window_rows=100)
    report_on_waiting(Lakehouse(other, lakehouse.engine))
    assert batches_read == [2, 2]


def test_reports_in_steps_and_at_once_say_the_same(lakehouse: Lakehouse, arrive: Arrive) -> None:
    for tilt in (0.0, -1.5, 0.0, 0.0):
        arrive(tilt)
        stepwise = report_on_waiting(lakehouse)
    kept_file(lakehouse, WAITING_FILE).unlink()
    assert report_on_waiting(lakehouse).document == stepwise.document


def test_once_batches_are_accepted_windows_start_anew(lakehouse: Lakehouse, arrive: Arrive) -> None:
    arrive(-1.5, 0.0)
    assert report_on_waiting(lakehouse).should_retrain
    accept_waiting(lakehouse, "report")
    assert report_on_waiting(lakehouse).reason == "no batch is waiting"
    arrive(0.0, users=100)
    found = report_on_waiting(lakehouse)
    assert [line["name"] for line in found.document["windows"]] == ["all that waits = newest intake = 1 batch"]
    assert not found.should_retrain


def test_files_that_come_in_by_one_run_are_the_newest_intake(lakehouse: Lakehouse, arrive: Arrive) -> None:
    arrive(0.0)
    arrive(0.0, 0.0, 0.0, together=True)
    names = [line["name"] for line in report_on_waiting(lakehouse).document["windows"]]
    assert "newest intake = newest 3 batches" in names


def test_a_shifted_file_and_quiet_ones_of_one_intake_are_told_apart(lakehouse: Lakehouse, arrive: Arrive) -> None:
    arrive(0.0, users=120)
    arrive(-2.0, 0.0, 0.0, users=25, together=True)
    found = report_on_waiting(lakehouse)
    assert found.should_retrain
    assert not found.document["pool"]["verdicts"]["documented"]["should_retrain"]

"""What Prometheus is told of a lakehouse and of Dagster's storage."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from reco_assets.batches.receipt_files import Receipt
from reco_assets.batches.receipts import begin, write_receipts
from reco_assets.drift.reports import write_report
from reco_assets.models.versions.folders import began
from reco_assets.monitoring.causes import Causes
from reco_assets.monitoring.figures import (
    Figure,
    Place,
    all_figures,
    batch_figures,
    drift_figures,
    run_figures,
    stage_figures,
)
from reco_assets.ops.stage import Stage
from reco_assets.ops.store import note_stages
from reco_assets.tables import NEWEST_DRIFT_REPORT
from resources.settings import Settings, load_settings
from resources.tables.lakehouse import Lakehouse

NOW = 2_000_000_000.0
REPORT = {"report_id": "r1", "should_retrain": True, "reason": "mean", "drift_score": 1.5, "model_version": "v"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(lakehouse_path=tmp_path / "lake", streaming_path=tmp_path / "landing")


@pytest.fixture
def instance() -> Iterable[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def values(figures: Iterable[Figure]) -> Mapping[str, Any]:
    """{figure: its value, where it has no labels; else {values of the labels: value}}."""
    return {
        figure.name: {tuple(s.labels.values()): s.value for s in figure.samples}
        if any(s.labels for s in figure.samples)
        else next((s.value for s in figure.samples), None)
        for figure in figures
    }


def test_runs_are_counted_by_job_and_status(settings: Settings, instance: dg.DagsterInstance) -> None:
    @dg.op
    def work() -> None: ...

    @dg.job(name="drift_retrain")
    def job() -> None:
        work()

    job.execute_in_process(instance=instance)
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.CANCELING)
    found = values(run_figures(Place(settings, instance, NOW)))
    kept = {status: count for (name, status), count in found["runs"].items() if name == "drift_retrain"}
    assert kept.keys() == {status.value.lower() for status in dg.DagsterRunStatus}
    assert {status: count for status, count in kept.items() if count} == {"success": 1, "canceling": 1}
    assert found["run_last_success_seconds"].keys() == {("drift_retrain",)}
    assert found["run_queue_wait_seconds"] == 0


def test_before_the_first_report_there_is_no_drift_to_tell_of(settings: Settings, instance: dg.DagsterInstance) -> None:
    assert values(drift_figures(Place(settings, instance, NOW))) == {}


def test_the_newest_report_is_told_with_its_verdict(settings: Settings, instance: dg.DagsterInstance) -> None:
    write_report(settings, dict(REPORT), "<html>")
    found = values(drift_figures(Place(settings, instance, NOW)))
    assert (found["drift_score"], found["drift_calls_for_retraining"]) == (1.5, 1)
    assert found["drift_called_by"] == {("drift_above_threshold",): 1}


def test_the_triggers_that_call_for_retraining_are_told(settings: Settings, instance: dg.DagsterInstance) -> None:
    codes = ["unknown_users", "old_champion", "below_threshold", "insufficient_warm_pairs"]
    write_report(settings, {**REPORT, "reason_codes": codes}, "<html>")
    found = values(drift_figures(Place(settings, instance, NOW)))
    assert found["drift_called_by"] == {("unknown_users",): 1, ("old_champion",): 1}


def test_the_lag_is_that_of_the_oldest_batch_that_waits(settings: Settings, instance: dg.DagsterInstance) -> None:
    root = settings.storage.root
    landed = {"a" * 64: NOW - 60, "b" * 64: NOW - 10}
    begin(root, dict.fromkeys(landed, 1))
    receipts = [Receipt(name, "a.csv", int(at * 1e9), 10, 3, 3, 0, 0, 2, 1, 1) for name, at in landed.items()]
    write_receipts(root, receipts)
    found = values(batch_figures(Place(settings, instance, NOW)))
    assert (found["batches_waiting"], found["ratings_waiting"]) == (2, 6)
    assert found["batch_lag_seconds"] == pytest.approx(60)


def test_a_file_that_nobody_takes_in_is_seen(settings: Settings, instance: dg.DagsterInstance) -> None:
    settings.storage.landing.mkdir(parents=True)
    (settings.storage.landing / "new.csv").write_text("DATE")
    assert values(batch_figures(Place(settings, instance, NOW)))["landing_files"] == 1


def test_what_is_damaged_hides_nothing_else(settings: Settings, instance: dg.DagsterInstance) -> None:
    report = settings.storage.root / NEWEST_DRIFT_REPORT
    report.parent.mkdir(parents=True)
    report.write_text("{")
    found = values(all_figures(settings, instance, Causes(print)))
    assert found["part_readable"] == {("runs",): 1, ("drift",): 0, ("batches",): 1, ("models",): 1, ("stages",): 1}
    assert "runs" in found


def test_what_made_a_part_unreadable_is_told_once_and_that_it_is_well_again(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    report = settings.storage.root / NEWEST_DRIFT_REPORT
    report.parent.mkdir(parents=True)
    told: list[str] = []
    causes = Causes(told.append)
    for text in ("{", "{", json.dumps(REPORT)):
        report.write_text(text)
        list(all_figures(settings, instance, causes))
    first, second = told
    assert first.startswith("figures of drift can't be read: ")
    assert str(report) in first
    assert second == "figures of drift can be read again"


@pytest.mark.parametrize(
    ("version", "moment"),
    [("20250101_000000", 1735689600.0), ("version_20250101_000000_2", 1735689600.0), ("20259901_000000", None)],
)
def test_a_versions_name_says_when_its_training_began(version: str, moment: float | None) -> None:
    assert began(version) == moment


def test_each_stage_has_what_it_took_when_it_last_went_well(settings: Settings, instance: dg.DagsterInstance) -> None:
    at = datetime.fromtimestamp(NOW, UTC)
    took = {3: ("succeeded", 7.0), 2: ("succeeded", 5.0), 1: ("failed", 99.0), 9: ("succeeded", 1.0)}
    stages = [
        Stage("run", "job", "gold/a", at - timedelta(days=day), outcome, seconds, 1.0, 2.0)
        for day, (outcome, seconds) in took.items()
    ]
    note_stages(Lakehouse.open(settings), stages)
    found = values(stage_figures(Place(settings, instance, NOW)))
    assert found["stage_last_seconds"] == {("gold/a",): 5.0}
    assert found["stage_last_peak_memory_bytes"] == {("gold/a",): 2 << 20}

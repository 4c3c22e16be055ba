"""Where `reco open` finds a page, and what it says of one that isn't there."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reco_assets.drift.reports import ReportError, write_report
from reco_assets.monitoring import pages
from resources.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(lakehouse_path=tmp_path)


def test_a_server_that_is_away_is_named_with_the_command_that_starts_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "listens", lambda _: False)
    with pytest.raises(pages.NoPageError, match="Start it: make dev"):
        pages.dagit(settings)
    with pytest.raises(pages.NoPageError, match="make mlflow"):
        pages.mlflow(settings)


def test_mlflow_is_the_server_that_is_set_without_its_password(settings: Settings) -> None:
    named = load_settings(
        lakehouse_path=settings.storage.root, mlflow_tracking_uri="https://me:secret-word@mlflow.example:8443/all"
    )
    assert pages.mlflow(named) == "https://mlflow.example:8443/all"


def test_the_newest_drift_report_is_the_page_beside_its_document(settings: Settings) -> None:
    for name in ("20250101_000000", "20250102_000000"):
        write_report(settings, {"report_id": name, "should_retrain": False, "reason": ""}, "<p>page</p>")
    opened = Path(urlsplit(pages.drift_report(settings)).path)
    assert opened.name == "20250102_000000.html"
    assert json.loads(opened.with_suffix(".json").read_text())["report_id"] == "20250102_000000"


def test_before_the_first_drift_report_it_is_said_how_one_is_made(settings: Settings) -> None:
    with pytest.raises(ReportError, match="reco stream detect_drift"):
        pages.drift_report(settings)


def test_the_newest_quality_page_is_opened(settings: Settings) -> None:
    folder = settings.storage.root / "quality" / "reports"
    folder.mkdir(parents=True)
    for stamp in ("20250101_000000", "20250103_000000", "20250102_000000"):
        (folder / f"data_quality_{stamp}.html").touch()
    assert pages.quality_report(settings).endswith("data_quality_20250103_000000.html")


def test_before_the_first_quality_page_it_is_said_how_one_is_made(settings: Settings) -> None:
    with pytest.raises(pages.NoPageError, match="reco run --select quality/report"):
        pages.quality_report(settings)

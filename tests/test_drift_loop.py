"""The drift loop as a user has it: the daemon runs, a file is dropped, and what should follow follows by itself.

The same Dagster is looked at and clicked in a real browser, where there is one.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import psutil
import pytest
from playwright.sync_api import Locator, Page, expect

from reco_assets.batches.accepted import waiting
from reco_assets.batches.receipts import receipts, received_batches
from reco_assets.build import build_definitions
from reco_assets.models.serving import serving_store
from reco_assets.pipelines.documented import RECO_PIPELINE
from reco_assets.pipelines.internal import DRIFT_RETRAIN, STREAM_INTAKE
from reco_assets.runner.demo import Running, dagster_running
from reco_assets.runner.run import materialize_assets
from reco_assets.streaming.simulate import Simulation
from reco_assets.streaming.simulated_file import simulate
from resources.settings import Settings, load_settings
from resources.tables.files import dataset_at
from resources.tables.lakehouse import Lakehouse
from tools.browser import PAGE_MILLISECONDS, browser, chromium, wait_for_server

if TYPE_CHECKING:
    from tests.conftest import RatingFiles

pytestmark = pytest.mark.slow
REPO = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Loop:
    """A lakehouse with a champion, and Dagster watching its streaming folder."""

    settings: Settings
    running: Running

    def wait_until(self, condition: Callable[[], Any], seconds: float = 120.0) -> Any:
        """What the condition returns, once that is true; fails with Dagster's log after so many seconds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := condition():
                return found
            time.sleep(0.2)
        pytest.fail(f"waited {seconds} s in vain; Dagster said:\n{self.running.log.read_text()[-5000:]}")

    def events(self, asset: str, after: int = 0) -> list[dg.EventLogRecord]:
        filters = dg.AssetRecordsFilter(dg.AssetKey(asset.split("/")), after_storage_id=after or None)
        return list(self.running.instance.fetch_materializations(filters, limit=10, ascending=True).records)

    def report_on(self, plan: Simulation, name: str) -> dict[str, Any]:
        """Drop a file; the metadata of the drift report that it leads to."""
        after = max((event.storage_id for event in self.events("drift/report")), default=0)
        simulate(self.settings, plan, name)
        return values(self.wait_until(lambda: self.events("drift/report", after))[0])

    def skip_reasons(self, sensor: str) -> list[str]:
        states = self.running.instance.all_instigator_state(instigator_statuses=None)
        state = next(state for state in states if state.instigator_name == sensor)
        ticks = self.running.instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=20)
        return [tick.skip_reason or "" for tick in ticks]


def values(event: dg.EventLogRecord) -> dict[str, Any]:
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory, movielens: "RatingFiles") -> Iterator[Loop]:
    folder = tmp_path_factory.mktemp("loop")
    variables = {
        "LAKEHOUSE_PATH": str(folder / "lake"),
        "DAGSTER_HOME": str(folder / "home"),
        "RECO_SOURCE": "movielens",
        "RECO_SOURCE_PATH": str(movielens.folder),
        "RECO_ENGINE": "embedded",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        (folder / "home").mkdir()
        (folder / "home" / "dagster.yaml").write_text((REPO / "dagster.yaml").read_text())
        settings = load_settings()
        materialize_assets(build_definitions, settings, RECO_PIPELINE.assets)
        with dagster_running(settings) as running:
            yield Loop(settings, running)


def history(rows: int, tilt: float, seed: int) -> Simulation:
    return Simulation("history", users=10**6, rows=rows, tilt=tilt, seed=seed)


def test_an_unshifted_file_is_scored_and_leads_to_nothing(loop: Loop) -> None:
    report = loop.report_on(history(5_000, 0.0, seed=1), "control.csv")
    assert not report["should_retrain"]
    assert report["drift_score"] <= 1.0
    loop.wait_until(lambda: any("is not above 1" in reason for reason in loop.skip_reasons("retrain_sensor")))
    lakehouse = Lakehouse.open(loop.settings)
    assert len(waiting(lakehouse)) == 1
    assert not list(loop.settings.storage.landing.glob("*.csv"))


def test_a_shifted_file_leads_by_itself_to_one_retrained_model_judged_against_the_champion(loop: Loop) -> None:
    champion = serving_store(loop.settings).champion()
    after = max(event.storage_id for event in loop.events("models/als_champion"))
    report = loop.report_on(history(10_000, -1.0, seed=2), "shifted.csv")
    assert report["should_retrain"]
    decided = values(loop.wait_until(lambda: loop.events("models/als_champion", after))[0])
    assert decided["candidate"] != champion
    metrics = serving_store(loop.settings).record(decided["candidate"]).document()["metrics"]
    assert metrics["champion"]["version"] == champion
    assert metrics["by_origin"]["stream"]["test_count"] > 0
    runs = dg.RunsFilter(job_name=DRIFT_RETRAIN.name)
    loop.wait_until(lambda: loop.running.instance.get_runs(runs)[0].is_success)
    loop.wait_until(lambda: any("retrained by run" in reason for reason in loop.skip_reasons("retrain_sensor")))
    assert len(loop.running.instance.get_runs(runs)) == 1
    assert waiting(Lakehouse.open(loop.settings)) == []


@pytest.fixture
def page(loop: Loop) -> Iterator[Page]:
    """A page of Dagster's own, in a real browser."""
    if chromium() is None:
        pytest.skip("Chromium is missing: apt-get install chromium")
    expect.set_options(timeout=PAGE_MILLISECONDS)
    wait_for_server(loop.running.url)
    with browser() as context:
        yield context.new_page()


def materialize(loop: Loop, page: Page, asset: str, *, confirm: bool = False) -> str:
    """Click an asset's button, and open the run that it starts; return the run's id."""
    page.goto(f"{loop.running.url}/assets/{asset}")
    page.get_by_role("button", name=re.compile("Materialize$")).click()
    if confirm:
        page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
    page.get_by_role("link", name="View", exact=True).click()
    page.wait_for_url("**/runs/*")
    return page.url.rpartition("/")[2].partition("?")[0]


def test_the_lineage_page_names_every_group_of_assets(loop: Loop, page: Page) -> None:
    specs = build_definitions(loop.settings).resolve_all_asset_specs()
    page.goto(f"{loop.running.url}/asset-groups")
    for group in {str(spec.group_name) for spec in specs}:
        expect(page.get_by_role("button", name=f"asset_group {group}")).to_be_visible()


def row(page: Page, key: str) -> Locator:
    """The row of an asset's metadata that a key has."""
    return page.get_by_role("row", name=re.compile(rf"^{key} "))


def test_the_point_the_retraining_and_its_decision_are_seen_on_the_pages(loop: Loop, page: Page) -> None:
    report, decision = loop.events("drift/report")[-1], loop.events("models/als_champion")[-1]
    decided = values(decision)
    page.goto(f"{loop.running.url}/assets/drift/report")
    expect(row(page, "drift_score")).to_contain_text(f"{values(report)['drift_score']:.4g}"[:4])
    expect(row(page, "should_retrain")).to_contain_text("true")
    page.get_by_role("tab", name="Events").click()
    expect(page.get_by_role("link", name=report.run_id[:8])).to_be_visible()
    page.goto(f"{loop.running.url}/runs")
    expect(page.get_by_role("link", name=DRIFT_RETRAIN.name)).to_be_visible()
    page.get_by_role("link", name=decision.run_id[:8]).click()
    expect(page.get_by_text("Success", exact=True)).to_be_visible()
    page.goto(f"{loop.running.url}/assets/models/als_champion")
    expect(row(page, "candidate")).to_contain_text(decided["candidate"])
    expect(row(page, "reason")).to_contain_text(decided["reason"].partition(":")[0])


def test_an_asset_is_made_by_a_click_and_its_page_shows_the_rows(
    loop: Loop, page: Page, movielens: "RatingFiles"
) -> None:
    run_id = materialize(loop, page, "bronze/tags")
    expect(page.get_by_text("Success", exact=True)).to_be_visible()
    page.goto(f"{loop.running.url}/assets/bronze/tags")
    expect(page.get_by_role("link", name=re.compile("ago|now")).first).to_have_attribute("href", re.compile(run_id))
    expect(page.get_by_text("Row count").first).to_be_visible()
    expect(page.get_by_text(f"{movielens.tags:,}", exact=True).first).to_be_visible()


def test_a_run_that_fails_says_on_its_page_what_is_missing(loop: Loop, page: Page) -> None:
    materialize(loop, page, "models/ncf_evaluation", confirm=True)
    expect(page.get_by_text("Failure", exact=True)).to_be_visible()
    expect(page.get_by_text("models/ncf_candidate was never materialized. Run: reco train").first).to_be_visible()


def test_gold_is_what_the_champion_serves(loop: Loop) -> None:
    champion = serving_store(loop.settings).champion()
    served = dataset_at(loop.settings.storage.root / "gold" / "recommendations_als").to_table(columns=["model_version"])
    assert set(served["model_version"].to_pylist()) == {champion}


def _command(process: psutil.Process) -> list[str]:
    """The command line of a process; empty of one that has ended meanwhile."""
    try:
        return list(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def daemon() -> psutil.Process:
    """Dagster's daemon among the processes that this one started."""
    family = psutil.Process().children(recursive=True)
    return next(process for process in family if "dagster._daemon" in _command(process))


def test_a_daemon_that_is_killed_while_a_file_is_taken_in_loses_no_batch(loop: Loop) -> None:
    before, known = received_batches(loop.settings.storage.root), max(e.storage_id for e in loop.events("drift/report"))
    intakes = dg.RunsFilter(job_name=STREAM_INTAKE.name)
    earlier = len(loop.running.instance.get_runs(intakes))
    made = simulate(loop.settings, history(2_000, 0.0, seed=3), "killed.csv")
    loop.wait_until(lambda: len(loop.running.instance.get_runs(intakes)) > earlier)
    daemon().kill()
    with dagster_running(loop.settings) as again:
        Loop(loop.settings, again).wait_until(lambda: loop.events("drift/report", known))
    (batch,) = received_batches(loop.settings.storage.root) - before
    (receipt,) = receipts(loop.settings.storage.root, [batch])
    stream = dataset_at(loop.settings.storage.root / "stream" / "ratings").to_table(columns=["batch"])
    assert receipt.lines == made["rows"]
    assert stream["batch"].to_pylist().count(batch) == receipt.good
    assert not list(loop.settings.storage.landing.glob("*.csv"))

"""The jobs of validation, retraining and the weekly whole, each in one process, through the life of one lakehouse."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from deltalake import DeltaTable

from reco_assets.batches.accepted import accepted, waiting
from reco_assets.build import build_definitions
from reco_assets.drift.reports import read_report
from reco_assets.models.serving import serving_store
from reco_assets.models.versions.backup import read_backup
from reco_assets.pipelines.documented import RECO_PIPELINE
from reco_assets.pipelines.internal import DRIFT_RETRAIN, DRIFT_SCORING
from reco_assets.pipelines.selections import SERVING
from reco_assets.quality import evidently
from reco_assets.quality.declarations import DECLARATIONS
from reco_assets.quality.kinds import KINDS
from reco_assets.runner.run import ChecksFailedError, materialize_assets, run_checks
from reco_assets.runner.selection import RunRequestError
from reco_assets.streaming.simulate import Simulation
from reco_assets.streaming.simulated_file import simulate
from reco_assets.tasks.new_data import check_new_data
from reco_assets.tasks.tables_sound import validate_data
from resources.settings import Settings, load_settings
from resources.tables.lakehouse import Lakehouse

pytestmark = pytest.mark.slow

Run = Callable[[str], dg.ExecuteInProcessResult]
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
VALIDATION, RETRAINING, WEEKLY = "data_validation_dag", "model_retraining_dag", "ml_pipeline_dag"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A small lakehouse whose main job has run."""
    made = load_settings(
        lakehouse_path=tmp_path_factory.mktemp("trust") / "lake",
        reco_source="synthetic",
        synthetic_users=200,
        synthetic_movies=300,
        synthetic_ratings=20_000,
        als_max_iter=3,
        ranking_max_iter=3,
        drift_bootstrap_samples=199,
    )
    materialize_assets(build_definitions, made, RECO_PIPELINE.assets)
    return made


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as found:
        yield found


@pytest.fixture(scope="module")
def run(settings: Settings, instance: dg.DagsterInstance) -> Run:
    def execute(job: str) -> dg.ExecuteInProcessResult:
        definition = build_definitions(settings).resolve_job_def(job)
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        return definition.execute_in_process(
            run_config={**(definition.run_config or {}), **quiet}, instance=instance, raise_on_error=False
        )

    return execute


@pytest.fixture
def without_evidently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidently, "find_spec", {}.get)


def made(result: dg.ExecuteInProcessResult) -> set[str]:
    return {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}


def failed_checks(result: dg.ExecuteInProcessResult, severity: dg.AssetCheckSeverity) -> set[str]:
    failed = [found for found in result.get_asset_check_evaluations() if not found.passed]
    return {f"{f.asset_key.to_user_string()}:{f.check_name}" for f in failed if f.severity is severity}


def test_on_sound_tables_the_validation_job_passes_and_leaves_its_report(run: Run) -> None:
    result = run(VALIDATION)
    assert result.success
    assert made(result) == {"quality/report"}
    checked = {check.asset_key.to_user_string() for check in result.get_asset_check_evaluations()}
    assert checked == {declaration.table for declaration in DECLARATIONS}
    assert failed_checks(result, ERROR) == failed_checks(result, WARN) == set()


def test_checks_of_one_kind_run_by_themselves_on_the_tables_asked_for(settings: Settings) -> None:
    found = run_checks(build_definitions, settings, ["nulls"], ["silver/tags", "silver/movies"]).checks
    assert [(check.asset, check.name, check.passed) for check in found] == [
        ("silver/movies", "nulls", True),
        ("silver/tags", "nulls", True),
    ]


def test_a_kind_that_is_no_check_and_a_table_without_that_check_are_refused(settings: Settings) -> None:
    with pytest.raises(RunRequestError, match=r"There is no check 'nuls'\. The nearest: nulls"):
        run_checks(build_definitions, settings, ["schema", "nuls"])
    with pytest.raises(RunRequestError, match=r"nothing to check: outliers of silver/movies"):
        run_checks(build_definitions, settings, ["outliers"], ["silver/movies"])


def test_a_check_that_is_made_with_its_asset_is_refused_alone(settings: Settings) -> None:
    with pytest.raises(RunRequestError, match=r"^rules_hold is checked where features/store is made, not alone: "):
        run_checks(build_definitions, settings, ["schema", "rules_hold"])


def test_sound_data_is_valid_and_without_evidently_a_line_says_how_to_add_it(
    settings: Settings, without_evidently: None
) -> None:
    found = validate_data(settings)
    assert found["passed"] is True
    assert "stream/ratings" not in found["checks"]
    assert set(found["checks"]["silver/ratings"]) == set(KINDS)
    assert found["evidently"] == {"left_out": evidently.NOT_INSTALLED}
    assert "make evidently" in evidently.NOT_INSTALLED


def test_before_the_first_table_there_is_nothing_to_find_fault_with(tmp_path: Path) -> None:
    found = validate_data(load_settings(lakehouse_path=tmp_path / "lake"))
    assert (found["passed"], found["checks"]) == (True, {})
    assert "no tables" in found["summary"]


def test_the_weekly_job_makes_a_report_that_the_sensor_retrains_on_once(
    run: Run, settings: Settings, instance: dg.DagsterInstance
) -> None:
    simulate(settings, Simulation("history", 160, None, -1.5, 1), "drifted.csv")
    assert "files in" in check_new_data(settings)["summary"]
    result = run(WEEKLY)
    assert result.success
    assert {"models/als_candidate", "models/als_champion", "drift/report", *SERVING} <= made(result)
    assert accepted(settings.storage.root) == []
    report, sensor = read_report(settings), build_definitions(settings).get_sensor_def("retrain_sensor")
    # The job promotes as soon as it has judged, so its report may be about the champion before: then it is made anew.
    follows = DRIFT_RETRAIN if report["model_version"] == serving_store(settings).champion() else DRIFT_SCORING
    tick = sensor(dg.build_sensor_context(instance))
    assert isinstance(tick, dg.SensorResult)
    assert [request.job_name for request in tick.run_requests or ()] == [follows.name]


def test_the_retraining_job_merges_what_waits_and_keeps_the_champion_it_compared_with(
    run: Run, settings: Settings
) -> None:
    store = serving_store(settings)
    before = store.champion()
    assert check_new_data(settings)["waiting"]["batches"] == 1
    result = run(RETRAINING)
    assert result.success
    assert waiting(Lakehouse.open(settings)) == []
    backup = read_backup(store)
    if store.champion() != before:
        assert backup is not None
        assert backup.version == before
    assert {"models/als_candidate", "models/als_evaluation", "models/als_champion"} <= made(result)


def test_a_table_that_breaks_a_rule_fails_that_check_alone_and_is_named(run: Run, settings: Settings) -> None:
    table = DeltaTable(str(settings.storage.root / "silver/train_ratings"))
    movie = table.to_pyarrow_dataset().head(1)["movie_id"][0]
    table.update(predicate=f"movie_id = {movie}", new_values={"rating": "7.0"})
    result = run(VALIDATION)
    assert not result.success
    assert failed_checks(result, ERROR) == {"silver/train_ratings:ranges"}
    with pytest.raises(ChecksFailedError, match=r"^1 of \d+ checks failed\. silver/train_ratings: ranges: \d+ of"):
        validate_data(settings)

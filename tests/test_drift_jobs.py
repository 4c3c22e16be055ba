"""The jobs of the drift loop, each in one process: what they do with files, without, with drift and without."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from reco_assets.batches.accepted import accepted, waiting
from reco_assets.build import build_definitions
from reco_assets.models.serving import serving_store
from reco_assets.pipelines.documented import RECO_PIPELINE
from reco_assets.pipelines.selections import DRIFT, FRESH, MERGE, SERVING, STREAM
from reco_assets.runner.run import RunFailedError, materialize_assets
from reco_assets.streaming.simulate import Simulation
from reco_assets.streaming.simulated_file import simulate
from resources.orchestrator.skipped import SKIPPED_TAG
from resources.settings import Settings, load_settings
from resources.tables.lakehouse import Lakehouse

Run = Callable[..., dg.ExecuteInProcessResult]
WHOLE, INTAKE, RETRAIN = "drift_detection_retrain_pipeline", "stream_intake", "drift_retrain"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A small lakehouse whose main job has run; the tests of this module go through its life in order."""
    made = load_settings(
        lakehouse_path=tmp_path_factory.mktemp("jobs") / "lake",
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
    def execute(job: str, **config: Any) -> dg.ExecuteInProcessResult:
        definition = build_definitions(settings).resolve_job_def(job)
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        ops = {"ops": {step: {"config": values} for step, values in config.items()}}
        given = ops if config else definition.run_config or {}
        return definition.execute_in_process(run_config={**given, **quiet}, instance=instance, raise_on_error=False)

    return execute


def made(result: dg.ExecuteInProcessResult) -> set[str]:
    return {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}


def drop(settings: Settings, tilt: float, seed: int, users: int = 80) -> None:
    simulate(settings, Simulation("history", users, None, tilt, seed), f"{seed}.csv")


def test_where_nothing_waits_the_whole_pipeline_skips_and_says_why(run: Run, instance: dg.DagsterInstance) -> None:
    result = run(WHOLE)
    assert result.success
    assert made(result) == set()
    recorded = instance.get_run_by_id(result.run_id)
    assert recorded is not None
    assert "holds no complete CSV file, and no batch waits" in recorded.tags[SKIPPED_TAG]


def test_before_the_first_experiment_the_daily_look_leaves_the_lists_of_all_as_they_are_and_says_so(
    run: Run, instance: dg.DagsterInstance
) -> None:
    result = run("experiment_look")
    assert (result.success, made(result)) == (True, set(FRESH))
    recorded = instance.get_run_by_id(result.run_id)
    assert recorded is not None
    assert recorded.tags[SKIPPED_TAG] == "no experiment was begun yet: reco experiment start"


def test_without_a_file_materialising_the_streaming_assets_reports_that_nothing_waits(settings: Settings) -> None:
    outcome = materialize_assets(build_definitions, settings, (*STREAM, *DRIFT))
    assert outcome.metadata["drift/report"]["reason"] == "no batch is waiting"
    assert outcome.metadata["drift/report"]["should_retrain"] is False
    assert ("drift_within_limit", True) in [(check.name, check.passed) for check in outcome.checks]


def test_a_score_alone_is_made_without_a_report_and_without_its_check(settings: Settings) -> None:
    outcome = materialize_assets(build_definitions, settings, DRIFT[:1])
    assert (set(outcome.metadata), outcome.checks) == ({DRIFT[0]}, [])


def test_without_drift_the_whole_pipeline_stops_at_the_decision(run: Run, settings: Settings) -> None:
    drop(settings, tilt=0.0, seed=1)
    champion = serving_store(settings).champion()
    result = run(WHOLE)
    assert result.success
    assert made(result) == {*STREAM, *DRIFT}
    assert serving_store(settings).champion() == champion
    assert len(waiting(Lakehouse.open(settings))) == 1


def test_without_a_file_the_whole_pipeline_goes_on_with_what_waits(run: Run, settings: Settings) -> None:
    assert not list(settings.storage.landing.glob("*.csv"))
    result = run(WHOLE)
    assert result.success
    assert made(result) == {*STREAM, *DRIFT}


def test_with_drift_it_merges_everything_that_waits_and_trains_and_judges_a_model(run: Run, settings: Settings) -> None:
    drop(settings, tilt=-1.5, seed=2, users=160)
    before = len(serving_store(settings).versions())
    result = run(WHOLE)
    assert result.success
    assert {"stream/accepted", "silver/train_ratings", "models/als_champion", "gold/recommendations_als"} <= made(
        result
    )
    assert len(serving_store(settings).versions()) == before + 1
    assert len(accepted(settings.storage.root)) == 2
    facts = serving_store(settings).record(serving_store(settings).latest()).document()
    assert set(facts["metrics"]["by_origin"]) == {"history", "stream"}


def test_gold_leaves_out_what_users_rated_by_stream(settings: Settings) -> None:
    lakehouse = Lakehouse.open(settings)
    columns = ["user_id", "movie_id"]
    streamed = lakehouse.dataset("stream/ratings").to_table(columns=columns).to_pylist()
    lists = lakehouse.dataset("gold/recommendations_als").to_table().to_pylist()
    recommended = {(row["user_id"], entry["movie_id"]) for row in lists for entry in row["recommendations"]}
    assert not recommended & {(row["user_id"], row["movie_id"]) for row in streamed}


def test_a_user_who_came_by_stream_alone_gets_a_list(run: Run, settings: Settings) -> None:
    lines = "".join(f"2020-01-01 00:00:{movie:02},777777,{movie},4.5\n" for movie in range(1, 31))
    (settings.storage.landing / "new-user.csv").write_text(f"DATE,CUST_ID,MOVIE_ID,RATING\n{lines}")
    assert run(INTAKE).success
    materialize_assets(
        build_definitions, settings, (*MERGE, *SERVING), config={"stream__accepted": {"accept": "ALWAYS"}}
    )
    lists = Lakehouse.open(settings).dataset("gold/recommendations_als").to_table().to_pylist()
    of_user = [row for row in lists if row["user_id"] == 777777]
    assert len(of_user) == 1
    assert not {entry["movie_id"] for entry in of_user[0]["recommendations"]} & set(range(1, 31))


def test_a_retraining_that_is_tried_again_goes_on_although_nothing_waits_any_more(run: Run, settings: Settings) -> None:
    report = accepted(settings.storage.root)[0].report
    before, taken = len(serving_store(settings).versions()), len(accepted(settings.storage.root))
    assert run(RETRAIN, stream__accepted={"report": report}).success
    assert len(serving_store(settings).versions()) == before + 1
    assert len(accepted(settings.storage.root)) == taken


def test_a_refused_file_is_a_warning_of_the_intake_and_the_others_are_taken_in(run: Run, settings: Settings) -> None:
    drop(settings, tilt=0.0, seed=3)
    (settings.storage.landing / "swapped.csv").write_text("CUST_ID,DATE,MOVIE_ID,RATING\n1,2020-01-01,1,4\n")
    result = run(INTAKE)
    assert result.success
    check = result.get_asset_check_evaluations()[0]
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert "the header must be DATE,CUST_ID,MOVIE_ID,RATING" in str(check.metadata["swapped.csv"].value)
    assert len(waiting(Lakehouse.open(settings))) == 1


def test_without_a_champion_batches_wait_and_the_report_says_so(tmp_path: Path) -> None:
    settings = load_settings(lakehouse_path=tmp_path / "lake")
    settings.storage.landing.mkdir(parents=True, exist_ok=True)
    (settings.storage.landing / "current.csv").write_text("DATE,CUST_ID,MOVIE_ID,RATING\n2020-01-01,1,2,3.5\n")
    outcome = materialize_assets(build_definitions, settings, (*STREAM, *DRIFT))
    assert "there is no champion to compare with" in outcome.metadata["drift/report"]["reason"]
    assert [receipt.good for receipt in waiting(Lakehouse.open(settings))] == [1]


def test_on_parquet_a_file_that_waits_is_an_error_and_an_empty_folder_is_none(tmp_path: Path) -> None:
    settings = load_settings(lakehouse_path=tmp_path / "lake", storage_format="parquet")
    assert materialize_assets(build_definitions, settings, STREAM).metadata["stream/ratings"]["files_received"] == 0
    settings.storage.landing.mkdir(parents=True, exist_ok=True)
    (settings.storage.landing / "current.csv").write_text("DATE,CUST_ID,MOVIE_ID,RATING\n2020-01-01,1,2,3.5\n")
    with pytest.raises(RunFailedError, match="needs STORAGE_FORMAT=delta"):
        materialize_assets(build_definitions, settings, STREAM)
    assert (settings.storage.landing / "current.csv").exists()

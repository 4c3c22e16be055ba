"""Runs from Python: what cannot be run is said before anything starts, and Airflow's ids are found on the run."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from reco_assets.build import build_definitions
from reco_assets.runner.run import RunFailedError, materialize_assets
from reco_assets.runner.selection import RunRequestError
from resources.settings import Settings, load_settings

STREAM = ("stream/ratings", "stream/quarantine")
AIRFLOW = {
    "airflow_ctx_dag_id": "drift_detection_retrain_pipeline",
    "airflow_ctx_dag_run_id": "manual__2026-01-01T00:00:00+00:00",
    "airflow_ctx_task_id": "process_streaming_data",
}
TAGS = {
    "airflow/dag_id": "drift_detection_retrain_pipeline",
    "airflow/run_id": "manual__2026-01-01T00:00:00+00:00",
    "airflow/task_id": "process_streaming_data",
    "dagster/max_retries": "0",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(lakehouse_path=tmp_path / "lake")


def recorded_tags(run_id: str) -> dict[str, str]:
    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(run_id)
        assert run is not None
        return dict(run.tags)


@pytest.mark.parametrize(
    ("assets", "complaint"),
    [
        (["silver/ratngs"], r"no asset 'silver/ratngs'\. The nearest: silver/ratings"),
        ([""], r"no asset ''\. There are: .*gold/similar_movies"),
    ],
)
def test_assets_that_cannot_be_made_are_named(settings: Settings, assets: list[str], complaint: str) -> None:
    with pytest.raises(RunRequestError, match=complaint):
        materialize_assets(build_definitions, settings, assets)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"process_streaming": {}}, r"no step 'process_streaming' to configure\. The nearest: process_streaming_data"),
        ({"detect_drift": {}}, r"no step 'detect_drift' to configure"),
        ({"process_streaming_data": {"without_file": "FAIL"}}, r'unexpected config entry "without_file"'),
        ({"process_streaming_data": {"without_files": "WAIT"}}, r"not in enum type WithoutFiles got WAIT"),
    ],
)
def test_configuration_that_does_not_fit_is_refused(settings: Settings, config: Any, complaint: str) -> None:
    with pytest.raises(RunRequestError, match=complaint):
        materialize_assets(build_definitions, settings, STREAM, config=config)
    assert not settings.storage.root.exists()


def test_scalars_are_metadata_without_tables_and_texts_for_people(settings: Settings) -> None:
    outcome = materialize_assets(build_definitions, settings, STREAM)
    assert outcome.scalars["stream/ratings"]["dagster/row_count"] == 0
    assert outcome.metadata["stream/ratings"].keys() - outcome.scalars["stream/ratings"].keys() == {
        "batches",
        "preview",
        "files",
    }


def test_a_run_in_an_airflow_task_is_tagged_with_airflows_ids_and_not_retried(tmp_path: Path, home: Path) -> None:
    settings = load_settings(lakehouse_path=tmp_path / "lake", airflow_ctx_try_number="2", **AIRFLOW)
    outcome = materialize_assets(build_definitions, settings, STREAM)
    assert recorded_tags(outcome.run_id) == TAGS | {"airflow/try_number": "2"}


def test_a_run_outside_of_airflow_has_no_such_tag(settings: Settings, home: Path) -> None:
    assert recorded_tags(materialize_assets(build_definitions, settings, STREAM).run_id) == {}


def test_a_run_that_fails_in_an_airflow_task_is_found_by_its_tags(tmp_path: Path, home: Path) -> None:
    settings = load_settings(lakehouse_path=tmp_path / "lake", **AIRFLOW)
    with pytest.raises(RunFailedError, match="No complete CSV file"):
        materialize_assets(
            build_definitions, settings, STREAM, config={"process_streaming_data": {"without_files": "FAIL"}}
        )
    with dg.DagsterInstance.get() as instance:
        (run,) = instance.get_runs(dg.RunsFilter(tags=TAGS))
    assert run.status is dg.DagsterRunStatus.FAILURE


def test_a_run_that_is_stopped_before_its_first_step_is_cancelled(
    settings: Settings, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_arguments: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dagster._core.execution.execute_in_process.ExecuteRunWithPlanIterable", stop)
    with pytest.raises(KeyboardInterrupt):
        materialize_assets(build_definitions, settings, STREAM)
    with dg.DagsterInstance.get() as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.CANCELED]

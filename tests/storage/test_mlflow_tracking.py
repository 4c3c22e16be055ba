"""dagster-mlflow's resource in a real run: what assets log is one run of MLflow, which ends as the Dagster run does."""

import socket
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from mlflow import MlflowClient

from resources import resources_for
from resources.mlflow.home import MlflowHome
from resources.mlflow.tracking import _Thread
from resources.settings import Settings, load_settings


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One store for the module: MLflow takes seconds to make its tables."""
    return load_settings(lakehouse_path=tmp_path_factory.mktemp("lake"))


def materialize(settings: Settings, *assets: Any) -> dg.ExecuteInProcessResult:
    resources = resources_for(settings, {})
    return dg.materialize(
        list(assets),
        instance=dg.DagsterInstance.ephemeral(),
        resources={"mlflow_tracking": resources["mlflow_tracking"]},
        raise_on_error=False,
    )


def runs_of(settings: Settings, dagster_run_id: str) -> list[Any]:
    """The runs of MLflow that a Dagster run logged."""
    client = MlflowClient(tracking_uri=MlflowHome(settings.storage.root).uri)
    experiment = client.get_experiment_by_name("reco_als")
    if experiment is None:
        return []
    return list(client.search_runs([experiment.experiment_id], f"tags.dagster_run_id = '{dagster_run_id}'"))


@dg.asset(required_resource_keys={"mlflow_tracking"})
def first(context: dg.AssetExecutionContext) -> None:
    """Logs a number and a file."""
    context.resources.mlflow_tracking.log_metric("rmse", 0.87)
    context.resources.mlflow_tracking.log_text("kept", "note.txt")


@dg.asset(required_resource_keys={"mlflow_tracking"}, deps=[first])
def second(context: dg.AssetExecutionContext) -> None:
    """Logs parameters to the same run."""
    context.resources.mlflow_tracking.log_params({"rank": 50})


@dg.asset(required_resource_keys={"mlflow_tracking"})
def failing(context: dg.AssetExecutionContext) -> None:
    """Logs, and fails."""
    context.resources.mlflow_tracking.log_metric("rmse", 0.9)
    raise ValueError("no luck")


@dg.asset(required_resource_keys={"mlflow_tracking"})
def silent(context: dg.AssetExecutionContext) -> None:
    """Logs nothing."""


def test_what_the_assets_of_a_run_log_is_one_run_that_is_finished(lake: Settings) -> None:
    result = materialize(lake, first, second)
    assert result.success
    (run,) = runs_of(lake, result.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"rmse": 0.87}
    assert run.data.params == {"rank": "50"}


def test_files_that_are_logged_lie_in_the_lakehouse(lake: Settings) -> None:
    (run,) = runs_of(lake, materialize(lake, first).run_id)
    note = MlflowHome(lake.storage.root).artifacts / run.info.run_id / "artifacts" / "note.txt"
    assert note.read_text() == "kept"


def test_a_run_that_fails_has_failed_in_mlflow_too(lake: Settings) -> None:
    result = materialize(lake, failing)
    assert not result.success
    assert [run.info.status for run in runs_of(lake, result.run_id)] == ["FAILED"]


def test_a_run_that_logs_nothing_asks_mlflow_nothing(tmp_path: Path) -> None:
    settings = load_settings(lakehouse_path=tmp_path)
    assert materialize(settings, silent).success
    assert not MlflowHome(tmp_path).folder.exists()


def test_the_environment_names_no_server_afterwards(lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert materialize(lake, first).success
    assert load_settings().mlflow.tracking_uri is None


@pytest.fixture
def silent_server() -> Any:
    """An address that accepts connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=50)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_where_mlflow_does_not_answer_the_assets_go_on_with_one_warning(tmp_path: Path, silent_server: str) -> None:
    settings = load_settings(lakehouse_path=tmp_path, mlflow_tracking_uri=silent_server, mlflow_timeout_seconds=1)
    with pytest.warns(UserWarning, match=f"MLflow at {silent_server} was left out of this run") as warned:
        result = materialize(settings, first, second)
    assert result.success
    assert len([each for each in warned if "left out" in str(each.message)]) == 1


def test_a_call_that_is_late_is_given_up_and_what_waits_behind_it_is_never_made() -> None:
    thread, free, made = _Thread(), threading.Event(), list[str]()
    with pytest.raises(TimeoutError, match=r"no answer within 0\.1 s"):
        thread.call(free.wait, 0.1)
    with pytest.raises(TimeoutError):
        thread.call(lambda: made.append("later"), 0.1)
    free.set()
    assert thread._thread is not None
    thread._thread.join(5)
    assert not thread._thread.is_alive()
    assert made == []
    assert thread._thread.daemon  # it keeps no process alive


def test_a_wrong_use_of_mlflow_is_an_error_of_the_asset(lake: Settings) -> None:
    @dg.asset(required_resource_keys={"mlflow_tracking"})
    def wrong(context: dg.AssetExecutionContext) -> None:
        context.resources.mlflow_tracking.log_metric("rmse", "low")

    assert not materialize(lake, wrong).success


def test_the_platform_offers_it_under_its_own_key_beside_the_registry(lake: Settings) -> None:
    resources = resources_for(lake, {})
    assert resources["mlflow"].name == "reco_als"
    assert isinstance(resources["mlflow_tracking"], dg.ResourceDefinition)

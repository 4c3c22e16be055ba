"""MLflow mirrors what was trained and what serves, and where it is away nothing waits for it."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resources import resources_for
from resources.mlflow.home import MlflowHome
from resources.mlflow.mirror import MlflowTracking, RegistryError
from resources.mlflow.shown import Said, VersionRecord
from resources.settings import load_settings

FIRST, SECOND = "20250101_000001", "20250101_000002"


@pytest.fixture(autouse=True)
def _environment_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    http = ("HTTP_REQUEST_TIMEOUT", "HTTP_REQUEST_MAX_RETRIES")
    for name in (*http, "LOGGING_LEVEL", "DISABLE_TELEMETRY", "ENABLE_ARTIFACTS_PROGRESS_BAR"):
        monkeypatch.setenv(f"MLFLOW_{name}", "")
        monkeypatch.delenv(f"MLFLOW_{name}")


@pytest.fixture
def record(tmp_path: Path) -> Callable[[str], VersionRecord]:
    """A version as the evaluation logs it: a folder of files, a document, parameters and metrics."""
    folder, document = tmp_path / "model", tmp_path / "run_metrics.json"
    folder.mkdir()
    (folder / "model.json").write_text("{}")
    document.write_text("{}")
    params = {"rank": 50, "cold_start_strategy": "drop", "split": "per_user"}
    return lambda version: VersionRecord(version, params, {"rmse": 0.87, "users": 610}, folder, (document,))


@pytest.fixture(scope="module")
def local_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One sqlite file for the module: MLflow takes over a second to create its tables."""
    return tmp_path_factory.mktemp("lake")


@pytest.fixture
def local(local_home: Path, request: pytest.FixtureRequest) -> MlflowTracking:
    return MlflowTracking(load_settings(lakehouse_path=local_home), f"reco_{request.node.name}"[:60])


def client(tracking: MlflowTracking) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=tracking.uri, registry_uri=tracking.uri)


def test_the_experiment_and_the_registered_model_are_called_reco_als_in_a_sqlite_file_of_the_lakehouse(
    tmp_path: Path,
) -> None:
    tracking = MlflowTracking(load_settings(lakehouse_path=tmp_path))
    assert tracking.name == "reco_als"
    assert tracking.uri == f"sqlite:///{tmp_path}/mlflow/mlflow.db"


def test_a_version_is_logged_with_parameters_metrics_and_artifacts(
    local: MlflowTracking, record: Callable[[str], VersionRecord]
) -> None:
    run_id = local.log_version(record(FIRST))
    run = client(local).get_run(run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", FIRST)
    assert run.data.params == {"rank": "50", "cold_start_strategy": "drop", "split": "per_user"}
    assert run.data.metrics == {"rmse": 0.87, "users": 610.0}
    assert {artifact.path for artifact in client(local).list_artifacts(run_id)} == {"model", "run_metrics.json"}
    assert [artifact.path for artifact in client(local).list_artifacts(run_id, "model")] == ["model/model.json"]


def test_a_version_says_what_was_decided_by_which_run_and_of_which_tables_it_is(
    local: MlflowTracking, record: Callable[[str], VersionRecord]
) -> None:
    said = Said("promoted: better", {"dagster_run_id": "run"}, {"silver/train_ratings": 3})
    run = client(local).get_run(local.log_version(replace(record(FIRST), said=said)))
    assert run.data.tags["mlflow.note.content"] == "promoted: better"
    assert run.data.tags["dagster_run_id"] == "run"
    (dataset,) = (used.dataset for used in run.inputs.dataset_inputs)
    assert dataset.name == "silver/train_ratings"
    assert json.loads(dataset.source) == {"table": "silver/train_ratings", "delta_table_version": 3}
    (version,) = client(local).search_model_versions(f"name='{local.name}'")
    assert (version.description, version.tags["dagster_run_id"]) == ("promoted: better", "run")


def test_the_pages_are_those_of_models_and_say_who_serves_and_why(
    local: MlflowTracking, record: Callable[[str], VersionRecord]
) -> None:
    for version in (FIRST, SECOND):
        local.log_version(record(version))
    local.mark_champion(SECOND, FIRST, "Better beyond noise.")
    experiment = client(local).get_experiment_by_name(local.name)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    told = f"{SECOND} serves, after {FIRST}. Better beyond noise."
    assert experiment.tags["mlflow.note.content"] == told
    assert client(local).get_registered_model(local.name).description == told


def test_an_experiment_that_was_there_before_gets_the_pages_of_models(local: MlflowTracking) -> None:
    made = client(local).create_experiment(
        local.name, artifact_location=MlflowHome(local.settings.storage.root).artifacts.as_uri()
    )
    local.log_run(FIRST, {}, {})
    assert client(local).get_experiment(made).tags["mlflow.experimentKind"] == "custom_model_development"


def test_the_evaluation_of_a_version_goes_on_in_the_run_of_its_training(
    local: MlflowTracking, record: Callable[[str], VersionRecord]
) -> None:
    trained = local.log_run(FIRST, {"rank": 50, "split": "as trained"}, {"train_count": 100})
    assert client(local).get_run(trained).info.status == "FINISHED"
    assert local.log_version(replace(record(FIRST), run_id=trained)) == trained
    run = client(local).get_run(trained)
    assert (run.info.status, run.data.params["split"]) == ("FINISHED", "as trained")
    assert run.data.metrics == {"train_count": 100.0, "rmse": 0.87, "users": 610.0}
    assert len(client(local).search_runs([run.info.experiment_id])) == 1


def test_where_the_run_of_the_training_is_gone_the_evaluation_makes_one(
    local: MlflowTracking, record: Callable[[str], VersionRecord]
) -> None:
    run_id = local.log_version(replace(record(FIRST), run_id="0" * 32))
    assert client(local).get_run(run_id).info.run_name == FIRST


def test_every_version_is_registered_under_the_one_model(
    local: MlflowTracking, record: Callable[[str], VersionRecord]
) -> None:
    runs = [local.log_version(record(version)) for version in (FIRST, SECOND)]
    found = sorted(client(local).search_model_versions(f"name='{local.name}'"), key=lambda version: version.version)
    assert [version.tags["version"] for version in found] == [FIRST, SECOND]
    assert [version.run_id for version in found] == runs


def test_the_champion_alias_follows_the_version_that_serves(
    local: MlflowTracking, record: Callable[[str], VersionRecord]
) -> None:
    for version in (FIRST, SECOND):
        local.log_version(record(version))
    for version in (SECOND, FIRST):
        local.mark_champion(version)
        assert client(local).get_model_version_by_alias(local.name, "champion").tags["version"] == version


def aliases(tracking: MlflowTracking) -> dict[str, str]:
    """The platform's version behind each alias."""
    known = client(tracking).get_registered_model(tracking.name).aliases
    return {
        alias: client(tracking).get_model_version(tracking.name, number).tags["version"]
        for alias, number in known.items()
    }


def test_the_champion_before_has_an_alias_of_its_own(
    local: MlflowTracking, record: Callable[[str], VersionRecord]
) -> None:
    for version in (FIRST, SECOND):
        local.log_version(record(version))
    local.mark_champion(SECOND, previous=FIRST)
    assert aliases(local) == {"champion": SECOND, "previous": FIRST}


def test_the_version_registered_last_is_the_challenger_until_it_serves(
    local: MlflowTracking, record: Callable[[str], VersionRecord]
) -> None:
    local.log_version(record(FIRST))
    local.mark_champion(FIRST)
    assert aliases(local) == {"champion": FIRST}
    local.log_version(record(SECOND))
    assert aliases(local) == {"champion": FIRST, "challenger": SECOND}
    local.mark_champion(FIRST)
    assert aliases(local) == {"champion": FIRST, "challenger": SECOND}
    local.mark_champion(SECOND, previous=FIRST)
    assert aliases(local) == {"champion": SECOND, "previous": FIRST}


def test_a_champion_that_is_judged_and_registered_again_challenges_nobody(
    local: MlflowTracking, record: Callable[[str], VersionRecord]
) -> None:
    local.log_version(record(FIRST))
    local.mark_champion(FIRST)
    local.log_version(record(FIRST))
    assert aliases(local) == {"champion": FIRST}


def test_a_registered_version_is_read_back_file_by_file(
    local: MlflowTracking, record: Callable[[str], VersionRecord], tmp_path: Path
) -> None:
    local.log_version(record(FIRST))
    (tmp_path / "back").mkdir()
    folder = local.fetch_version(FIRST, tmp_path / "back")
    assert folder is not None
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"model.json": "{}"}


def test_a_version_that_mlflow_does_not_know_is_not_read_back_and_warned_of(
    local: MlflowTracking, tmp_path: Path
) -> None:
    with pytest.warns(UserWarning, match=f"version {FIRST} is not registered"):
        assert local.fetch_version(FIRST, tmp_path) is None


def test_a_registered_version_whose_files_are_gone_is_an_error_with_what_to_do(
    local: MlflowTracking, local_home: Path, record: Callable[[str], VersionRecord], tmp_path: Path
) -> None:
    run_id = local.log_version(record(FIRST))
    shutil.rmtree(local_home / "mlflow" / "artifacts" / str(run_id) / "artifacts" / "model")
    with pytest.raises(RegistryError, match=rf"{FIRST} is registered at .*cannot be read back.*reco evaluate"):
        local.fetch_version(FIRST, tmp_path)


def test_artifacts_lie_in_the_lakehouse(
    local: MlflowTracking, local_home: Path, record: Callable[[str], VersionRecord]
) -> None:
    run = client(local).get_run(local.log_version(record(FIRST)))
    assert run.info.artifact_uri.startswith((local_home / "mlflow" / "artifacts").as_uri())


def test_a_champion_that_mlflow_does_not_know_is_a_warning(local: MlflowTracking) -> None:
    with pytest.warns(UserWarning, match=f"version {FIRST} is not registered"):
        local.mark_champion(FIRST)


def test_a_run_that_breaks_off_is_marked_failed_and_warned_of(
    local: MlflowTracking, record: Callable[[str], VersionRecord], tmp_path: Path
) -> None:
    broken = VersionRecord(FIRST, {}, {}, tmp_path / "model", (tmp_path / "missing.json",))
    record(FIRST)
    with pytest.warns(UserWarning, match=r"was left out.*missing\.json"):
        assert local.log_version(broken) is None
    experiment = client(local).get_experiment_by_name(local.name)
    assert [run.info.status for run in client(local).search_runs([experiment.experiment_id])] == ["FAILED"]


@pytest.mark.slow
def test_logging_to_a_new_file_prints_nothing(tmp_path: Path, record: Callable[[str], VersionRecord]) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from resources.mlflow.mirror import MlflowTracking; from resources.mlflow.shown import VersionRecord\n"
        "from resources.settings import load_settings\n"
        "folder = Path(sys.argv[1]); settings = load_settings(lakehouse_path=folder / 'lake')\n"
        "assert MlflowTracking(settings).log_version(VersionRecord('1', {}, {}, folder / 'model'))"
    )
    record(FIRST)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_damaged_sqlite_file_is_a_warning(tmp_path: Path, record: Callable[[str], VersionRecord]) -> None:
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "mlflow.db").write_text("this is no database, and long enough to be noticed as none" * 100)
    with pytest.warns(UserWarning, match=r"mlflow\.db was left out"):
        assert MlflowTracking(load_settings(lakehouse_path=tmp_path)).log_version(record(FIRST)) is None


@pytest.fixture
def closed_port() -> str:
    """An address at which nothing listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def silent_server() -> Iterator[str]:
    """An address that accepts connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=50)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("server", ["closed_port", "silent_server"])
def test_where_mlflow_is_away_nothing_waits_and_all_warn_within_seconds(
    server: str, tmp_path: Path, record: Callable[[str], VersionRecord], request: pytest.FixtureRequest
) -> None:
    uri = request.getfixturevalue(server)
    settings = load_settings(lakehouse_path=tmp_path, mlflow_tracking_uri=uri, mlflow_timeout_seconds=1)
    tracking = MlflowTracking(settings)
    actions: list[Callable[[], Any]] = [
        lambda: tracking.log_version(record(FIRST)),
        lambda: tracking.mark_champion(FIRST),
        lambda: tracking.fetch_version(FIRST, tmp_path),
    ]
    for action in actions:
        started = time.monotonic()
        with pytest.warns(UserWarning, match=f"MLflow at {uri} was left out"):
            assert action() is None
        elapsed = time.monotonic() - started
        print(f"{server}: {elapsed:.1f} s")
        assert elapsed < 15
    assert not (tmp_path / "mlflow").exists()


def test_the_registered_name_is_a_setting(tmp_path: Path) -> None:
    settings = load_settings(lakehouse_path=tmp_path, model_registry_name="films")
    assert resources_for(settings, {})["mlflow"].name == "films"

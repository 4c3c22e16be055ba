"""`reco run` as an orchestrator's task runs it: a process whose last line of output is the result."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from deltalake import DeltaTable

from reco_assets.pipelines.selections import DRIFT, EVALUATION, SERVING, STREAM, TRAINING

pytestmark = pytest.mark.slow

Done = subprocess.CompletedProcess[str]
Reco = Callable[..., Done]
STREAM_ASSETS = "stream/ratings,stream/quarantine"


@pytest.fixture(scope="module")
def lake(demo_lake: tuple[Path, Done], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo's lakehouse, as other tests read the original."""
    copy = tmp_path_factory.mktemp("run") / "lake"
    return Path(shutil.copytree(demo_lake[0], copy, ignore=shutil.ignore_patterns("_dagster")))


def result(done: Done) -> dict[str, Any]:
    """The last line of output, which is the only one."""
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def refused(done: Done, complaint: str) -> bool:
    """Whether a command failed with one clear line and nothing that passes for a result."""
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    return last.startswith("error: ") and complaint in last


def test_assets_are_made_and_their_figures_are_the_last_line(lake: Path, reco_process: Reco) -> None:
    done = reco_process("run", "--select", ",".join((*EVALUATION, *SERVING)), LAKEHOUSE_PATH=str(lake))
    found = result(done)
    assets = found["assets"]
    assert set(assets) == {"models/metrics", *EVALUATION, *SERVING}
    champion = assets["models/als_champion"]
    assert found["comparison"]["next_task"] == (
        "deploy_new_model" if champion["champion"] == champion["candidate"] else "rollback_model"
    )
    assert found["comparison"]["reason"] == champion["reason"]
    assert assets["gold/recommendations_als"]["row_count"] > 0
    assert isinstance(assets["gold/recommendations_als"]["delta_version"], int)
    assert 0.5 < assets["models/als_evaluation"]["rmse"] < 2.0
    assert "run: gold/similar_movies" in done.stderr


def test_a_drift_report_comes_with_the_decision_in_the_result_and_in_the_file(
    lake: Path, reco: Reco, tmp_path: Path
) -> None:
    airflow = {
        "AIRFLOW_CTX_DAG_ID": "ml_pipeline_dag",
        "AIRFLOW_CTX_DAG_RUN_ID": "manual__2026-01-01T00:00:00+00:00",
        "AIRFLOW_CTX_TASK_ID": "check_drift",
        "RECO_RESULTS_PATH": str(tmp_path / "results"),
    }
    found = result(reco("run", "--select", ",".join((*STREAM, *DRIFT)), LAKEHOUSE_PATH=str(lake), **airflow))
    decision = found["retrain_decision"]
    assert decision["data_drift"] == found["data_drift"]
    assert (decision["should_retrain"], decision["next_task"]) == (False, "skip_retrain")
    path = tmp_path / "results/ml_pipeline_dag/manual__2026-01-01T00:00:00+00:00/check_drift.json"
    assert json.loads(path.read_text()) == found


def test_a_function_gives_its_value(lake: Path, reco: Reco) -> None:
    champion = json.loads((lake / "gold/models/als/champion.json").read_text())["version"]
    assert result(reco("run", "--function", "find_current_model", LAKEHOUSE_PATH=str(lake))) == {
        "function": "find_current_model",
        "value": str(lake / "gold/models/als" / champion),
    }
    verified = result(reco("run", "--function", "verify_gold", LAKEHOUSE_PATH=str(lake)))["value"]
    assert "recommendations_als exists" in verified


def test_checks_run_by_kind_and_what_they_found_is_the_last_line(lake: Path, reco: Reco) -> None:
    done = reco("run", "--checks", "nulls,duplicates", LAKEHOUSE_PATH=str(lake))
    found = result(done)
    assert found["passed"] is True
    assert set(found["checks"]["silver/ratings"]) == {"nulls", "duplicates"}
    nulls = found["checks"]["silver/ratings"]["nulls"]
    assert (nulls["passed"], nulls["severity"]) == (True, "ERROR")
    assert nulls["figures"]["null % rating"] == 0.0
    assert "run: check_silver_ratings" in done.stderr


def test_an_error_is_one_clear_line_behind_the_report_that_is_made_of_it(lake: Path, reco: Reco) -> None:
    broken = lake.with_name("broken")
    shutil.copytree(lake, broken)
    DeltaTable(str(broken / "silver/ratings")).update(predicate="user_id = 1", new_values={"rating": "7.0"})
    done = reco("run", "--checks", "ranges,nulls", "--select", "quality/report", LAKEHOUSE_PATH=str(broken))
    assert refused(done, "checks failed. silver/ratings: ranges: ")
    report = json.loads(max((broken / "quality/reports").glob("*.json")).read_text())
    assert (report["passed"], report["errors"]) == (False, 1)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--checks", "nulls,rangs"], "no check 'rangs'. The nearest: ranges"),
        (["--select", "silver/ratngs"], "no asset 'silver/ratngs'. The nearest: silver/ratings"),
        (["--function", "find_model"], "no function 'find_model'"),
        (["--function", "find_current_model"], "has no champion yet. Train one: reco train."),
        (["--select", STREAM_ASSETS, "--config", "{require"], "is no JSON"),
        (["--select", STREAM_ASSETS, "--config", "[1]"], "must be an object of objects"),
        (
            ["--select", STREAM_ASSETS, "--config", '{"process_streaming_data": {"without_files": "FAIL"}}'],
            "No complete CSV file in",
        ),
    ],
)
def test_what_cannot_be_run_fails_with_one_clear_line(reco: Reco, arguments: list[str], complaint: str) -> None:
    assert refused(reco("run", *arguments), complaint)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--select", "a", "--function", "b"],
        ["--checks", "a", "--function", "b"],
        ["--checks", "a", "--config", "{}"],
        ["--function", "b", "--config", "{}"],
    ],
)
def test_assets_checks_or_a_function_must_be_named_and_not_both(reco: Reco, arguments: list[str]) -> None:
    done = reco("run", *arguments)
    assert done.returncode == 2
    assert "--function NAME" in done.stderr


def test_a_runner_that_is_told_to_end_records_its_run_as_cancelled(
    small: dict[str, str], reco: Reco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LAKEHOUSE_PATH", str(tmp_path / "lake"))
    assert reco("etl", **small).returncode == 0
    command = [sys.executable, "-m", "reco_assets.cli", "run", "--select", TRAINING[0]]
    runner = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert runner.stderr is not None
    for line in runner.stderr:  # as soon as the step is at work
        if TRAINING[0] in line:
            break
    runner.send_signal(signal.SIGTERM)
    output, _ = runner.communicate(timeout=60)
    assert (runner.returncode, output) == (128 + signal.SIGTERM, "")
    with dg.DagsterInstance.get() as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.CANCELED]

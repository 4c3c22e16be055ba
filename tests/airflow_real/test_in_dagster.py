"""The DAGs of `--via dagster` in a real Airflow, beside a Dagster that really runs, with its queue."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from reco_assets.airflow_export import folder
from reco_assets.airflow_export.render import export_files
from reco_assets.airflow_export.spec import THROUGH_DAGSTER
from reco_assets.pipelines.selections import ETL
from reco_assets.runner.demo import Running, dagster_running
from resources.settings import load_settings
from tests.tiny import TINY

pytestmark = pytest.mark.slow
REPO = Path(__file__).resolve().parents[2]
TASK = {"AIRFLOW_CTX_DAG_ID": "d", "AIRFLOW_CTX_DAG_RUN_ID": "r", "AIRFLOW_CTX_TASK_ID": "t"}


@dataclass(frozen=True)
class Both:
    """Dagster at work, and how an Airflow beside it is made and a task of the platform started."""

    running: Running
    variables: dict[str, str]
    airflow: Any

    def ask(self, *arguments: str) -> "subprocess.Popen[str]":
        """A task's process of the platform, whose standard error tells how far it is."""
        command = [sys.executable, "-m", "reco_assets.cli", "run", *arguments, "--in-dagster", self.running.url]
        environment = self.variables | TASK
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: "subprocess.Popen[str]", text: str) -> str:
    """The line of a process that holds a text; fails with all it said where it ends without."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if text in line:
            return line
    pytest.fail(f"it did not say {text!r}, but:\n{''.join(lines)}")


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, make_airflow: Callable[..., Any], clean_environment: dict[str, str]
) -> Iterator[Both]:
    place = tmp_path_factory.mktemp("both")
    lake, home, dags = place / "lake", place / "dagster", place / "dags"
    home.mkdir()
    (home / "dagster.yaml").write_text((REPO / "dagster.yaml").read_text())
    folder.write(dags, export_files(load_settings(), THROUGH_DAGSTER, through_dagster=True), set())
    own = TINY | {"LAKEHOUSE_PATH": str(lake), "DAGSTER_HOME": str(home)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in own.items():
            patch.setenv(name, value)
        with dagster_running(load_settings()) as running:
            trainer = json.dumps({"conn_type": "http", "host": running.url})
            outer = clean_environment | own | {"AIRFLOW_CONN_TRAINER_API": trainer}
            airflow = make_airflow(place / "airflow", outer | {"AIRFLOW__CORE__DAGS_FOLDER": str(dags)})
            yield Both(running, dict(os.environ) | own, airflow)


def test_the_tables_of_a_task_are_made_by_dagsters_run_whose_result_it_hands_on(both: Both) -> None:
    run = both.airflow.run("reco_pipeline")
    result = run.xcoms["run_etl_bronze_to_silver"]
    assert set(result["assets"]) >= set(ETL)
    assert result["assets"]["silver/ratings"]["row_count"] == 8000
    made = both.running.instance.get_run_by_id(result["run_id"])
    assert made is not None
    assert made.is_success
    assert made.tags["airflow/task_id"] == "run_etl_bronze_to_silver"
    assert made.tags["reco/heavy"] == "true"
    assert run.xcoms["run_train_als_generate_recos"]["comparison"]["promote"]


def test_the_run_of_a_killed_attempt_is_taken_over_and_ended_with_the_next(both: Both) -> None:
    endless = ("--select", "models/als_candidate", "--config", '{"models__als_candidate": {"tune": 10000}}')
    with both.ask(*endless) as killed:
        run_id = said(killed, "is in the queue").split()[2]
        said(killed, "run: models/als_candidate")
        killed.kill()
    with both.ask(*endless) as next_attempt:
        assert run_id in said(next_attempt, "is at work on this already")
        said(next_attempt, "run: models/als_candidate")
        next_attempt.send_signal(signal.SIGTERM)
        said(next_attempt, "stopped by SIGTERM")
    deadline = time.monotonic() + 60
    while not (run := both.running.instance.get_runs(dg.RunsFilter(run_ids=[run_id]))[0]).is_finished:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert run.status is dg.DagsterRunStatus.CANCELED

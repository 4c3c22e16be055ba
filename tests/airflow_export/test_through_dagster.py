"""The export for a running Dagster: no task makes a table itself, and nothing else about the DAGs is another."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reco_assets.airflow_export.dag_spec import DagSpec
from reco_assets.airflow_export.render import export_files
from reco_assets.airflow_export.spec import DAG_SPECS, THROUGH_DAGSTER
from reco_assets.tables import DECLARED
from resources.settings import load_settings

REPO = Path(__file__).resolve().parents[2]
each_dag = pytest.mark.parametrize("spec", THROUGH_DAGSTER, ids=lambda spec: spec.dag_id)


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return export_files(load_settings(), THROUGH_DAGSTER, through_dagster=True)


@each_dag
def test_every_task_that_makes_assets_asks_the_runner_for_just_these(spec: DagSpec) -> None:
    for task in spec.job.tasks:
        if task.assets:
            operator = spec.operator_of(task)
            assert operator.name == "PythonOperator"
            asked = operator.arguments["op_kwargs"]["select"]
            assert set(getattr(asked, "texts", [asked])) == set(task.assets)


def test_the_connection_of_dagster_is_named_in_this_export_alone(files: dict[str, str]) -> None:
    usual = export_files(load_settings(), DAG_SPECS)
    assert 'TRAINER_CONN_ID = "trainer_api"' in files["common/config.py"]
    assert "TRAINER_CONN_ID = None" in usual["common/config.py"]
    shared = [name for name in files if name.startswith("common/") and name != "common/config.py"]
    assert {name: files[name] for name in shared} == {name: usual[name] for name in shared}


def test_a_merge_is_told_the_report_that_called_for_it(files: dict[str, str]) -> None:
    text = files["dag_drift_retrain.py"]
    assert "xcom_pull(task_ids='detect_drift')" in text.partition("merge_streaming_data = ")[2]
    assert '"csv_path": f"{STREAMING_PATH}/current.csv"' in text


def test_it_is_formatted_and_passes_the_projects_rules(
    files: dict[str, str], write_all: Callable[[dict[str, str]], Path]
) -> None:
    folder, ruff = str(write_all(files)), Path(sys.executable).with_name("ruff")
    for command in (("format", "--check"), ("check",)):
        asked = [ruff, *command, "--config", str(REPO / "pyproject.toml"), folder]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("specs", [DAG_SPECS, THROUGH_DAGSTER], ids=["process", "dagster"])
def test_every_table_that_a_task_makes_is_an_outlet_of_it(specs: tuple[DagSpec, ...]) -> None:
    files = export_files(load_settings(), specs, through_dagster=specs is THROUGH_DAGSTER)
    for spec in specs:
        calls = dict(re.findall(r"^    (\w+) = \w+\((.*?)^    \)", files[spec.file], re.MULTILINE | re.DOTALL))
        for task in spec.job.tasks:
            outlets = re.findall(r'table\("([\w/]+)"\)', calls[task.name])
            assert outlets == [asset for asset in task.assets if asset in DECLARED]


def test_what_makes_nothing_stays_as_it_is() -> None:
    for usual, other in zip(DAG_SPECS, THROUGH_DAGSTER, strict=True):
        for task in usual.job.tasks:
            if not task.assets:
                assert other.operator_of(task) == usual.operator_of(task)
                assert other.operator_of(task) == usual.operator_of(task)

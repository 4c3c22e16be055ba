"""The DAG specs fit their jobs: no task named that the job lacks, no branch into nothing, no result from nowhere."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from reco_assets.airflow_export.dag_spec import DagSpec
from reco_assets.airflow_export.literals import literal
from reco_assets.airflow_export.operators import Operator
from reco_assets.airflow_export.spec import DAG_SPECS, ExportError, chosen
from reco_assets.pipelines.documented import DOCUMENTED_SPECS

REPO = Path(__file__).resolve().parents[2]
each_dag = pytest.mark.parametrize("spec", DAG_SPECS, ids=lambda spec: spec.dag_id)


def _text(operator: Operator) -> str:
    return f"{literal(operator.arguments)} {operator.spread}"


def _ancestors(spec: DagSpec) -> dict[str, set[str]]:
    before: dict[str, set[str]] = {task.name: set() for task in spec.job.tasks}
    for upstream, downstream in spec.job.edges:
        before[downstream].add(upstream)
    found: dict[str, set[str]] = {}
    for task in TopologicalSorter(before).static_order():
        found[task] = before[task].union(*(found[upstream] for upstream in before[task]))
    return found


def test_every_documented_job_is_a_dag() -> None:
    assert [spec.job for spec in DAG_SPECS] == list(DOCUMENTED_SPECS)


@each_dag
def test_operators_and_rules_are_those_of_tasks_that_exist(spec: DagSpec) -> None:
    assert spec.operators.keys() | spec.trigger_rules.keys() <= {task.name for task in spec.job.tasks}


@each_dag
def test_a_task_without_assets_checks_and_functions_is_no_run(spec: DagSpec) -> None:
    for task in spec.job.tasks:
        if not (task.assets or task.checks or task.function):
            assert spec.operator_of(task).name != "PythonOperator", task.name


@each_dag
def test_results_are_read_from_tasks_that_ran_before(spec: DagSpec) -> None:
    ancestors = _ancestors(spec)
    for task in spec.job.tasks:
        text = _text(spec.operator_of(task))
        read = re.findall(r"xcom_pull\(task_ids='(\w+)'\)", text) + re.findall(r'"task_id": "(\w+)"', text)
        assert set(read) <= ancestors[task.name], task.name


@each_dag
def test_every_spark_application_is_a_file_of_the_platform(spec: DagSpec) -> None:
    for task in spec.job.tasks:
        for name in re.findall(r"\{SPARK_APPS_PATH\}/(\w+\.py)", _text(spec.operator_of(task))):
            assert (REPO / "spark" / "apps" / name).is_file()


def test_a_branch_with_names_of_its_own_names_its_own_ways() -> None:
    spec = next(spec for spec in DAG_SPECS if spec.dag_id == "ml_pipeline_dag")
    branch = spec.operators["choose_retraining"]
    assert isinstance(branch, Operator)
    ways = {downstream for upstream, downstream in spec.job.edges if upstream == "choose_retraining"}
    assert all(f'": "{way}"' in _text(branch) for way in ways)


def test_an_unknown_id_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ExportError, match=r"no DAG nonsense.*reco_pipeline, etl_train_test_pipeline"):
        chosen(["reco_pipeline", "nonsense"])


def test_checks_come_before_the_assets_that_a_task_makes_behind_them() -> None:
    spec = next(spec for spec in DAG_SPECS if spec.dag_id == "data_validation_dag")
    texts = {task.name: _text(spec.operator_of(task)) for task in spec.job.tasks}
    assert '"checks": "schema"' in texts["validate_schema"]
    assert '"select"' not in texts["validate_schema"]
    assert re.search(r'"checks":.*"nulls",.*"select": "quality/report"', texts["check_data_quality"], re.DOTALL)

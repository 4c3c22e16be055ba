"""docs/documents.md says of every name in the documents what it is here; what the code knows, it must say as well."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from reco_assets.airflow_export.dag_spec import DagSpec
from reco_assets.airflow_export.spec import DAG_SPECS
from reco_assets.workspace import NAMES

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "documents.md").read_text()
DOCUMENTED: dict[str, Any] = tomllib.loads((ROOT / "tests" / "airflow" / "documented.toml").read_text())
SECTIONS = {
    found[1]: found[2] for found in re.finditer(r"### `(\w+)`\n(.*?)(?=\n### |\n## |\nBehind )", PAGE, re.DOTALL)
}
CONNECTIONS = ROOT / "reco_assets" / "airflow_export" / "common" / "connections.py"


def rows_of(dag_id: str) -> dict[str, list[str]]:
    """The cells of a DAG's table by task."""
    lines = [line for line in SECTIONS[dag_id].splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0].strip("`"): row for row in cells}


def test_every_documented_dag_has_a_section() -> None:
    assert list(SECTIONS) == list(DOCUMENTED)


@pytest.mark.parametrize("spec", DAG_SPECS, ids=lambda spec: spec.dag_id)
def test_a_section_has_the_dags_file_and_schedule(spec: DagSpec) -> None:
    documented, text = DOCUMENTED[spec.dag_id], SECTIONS[spec.dag_id]
    assert documented["file"] in text
    assert (documented.get("schedule") or "started by hand") in text


@pytest.mark.parametrize("spec", DAG_SPECS, ids=lambda spec: spec.dag_id)
def test_a_section_has_every_task_with_its_operator_arguments_and_what_it_runs(spec: DagSpec) -> None:
    rows, documented = rows_of(spec.dag_id), DOCUMENTED[spec.dag_id]["tasks"]
    assert list(rows) == [task.name for task in spec.job.tasks]
    assert set(rows) == set(documented)
    for task in spec.job.tasks:
        _, operator, arguments, runs = rows[task.name]
        assert operator == documented[task.name]["class"]
        assert (
            arguments.replace("`", "").split()
            == " ".join(
                [*filter(None, [documented[task.name].get("application")]), *documented[task.name].get("arguments", [])]
            ).split()
        )
        assert all(f"`{asset}`" in runs for asset in (*task.assets, *task.checks)), task.name


def test_the_paths_are_the_mapping_that_the_verbs_go_by() -> None:
    table = re.findall(r"^\| `/workspace/([^`]+)` \| `([^`]+)` \|$", PAGE, re.MULTILINE)
    assert dict(table) == dict(NAMES)


def test_the_variables_and_connections_are_those_that_the_tasks_read() -> None:
    tree = ast.parse(CONNECTIONS.read_text())
    constants = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for setting, variable in constants["STEERED_BY"].items():
        assert f"| `{variable}` | becomes `{setting}` of every task" in PAGE
    for name in ("MLFLOW_CONN_ID", "SLACK_CONN_ID"):
        assert f"| `{constants[name]}` |" in PAGE

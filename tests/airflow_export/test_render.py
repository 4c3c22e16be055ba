"""The text of the export: golden, formatted, free of what Airflow 3 dropped, the same everywhere."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reco_assets.airflow_export.dag_spec import DagSpec
from reco_assets.airflow_export.literals import Code
from reco_assets.airflow_export.operators import slack_message, spark_submit
from reco_assets.airflow_export.render import MARKER, export_files
from reco_assets.airflow_export.spec import DAG_SPECS
from reco_assets.pipelines.spec import JobSpec, Task, chain
from resources.settings import load_settings

REPO = Path(__file__).resolve().parents[2]
RUFF = Path(sys.executable).with_name("ruff")
WriteAll = Callable[[dict[str, str]], Path]


def _ruff(*arguments: str) -> str:
    done = subprocess.run([RUFF, *arguments], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def _python(files: dict[str, str]) -> Iterator[tuple[str, ast.Module]]:
    return ((name, ast.parse(text)) for name, text in files.items() if name.endswith(".py"))


def test_the_committed_dags_are_the_export_of_the_default_settings() -> None:
    files = export_files(load_settings(), DAG_SPECS)
    committed = REPO / "airflow" / "dags"
    assert {name: (committed / name).read_text() for name in files} == files, "run reco airflow export"


def test_it_has_the_documented_files(all_files: dict[str, str]) -> None:
    assert set(all_files) >= {
        *("dag_etl_train.py", "dag_drift_retrain.py", "reco_pipeline_dag.py", "ml_pipeline_dag.py"),
        *("data_validation_dag.py", "model_retraining_dag.py", "movie_recommender_pipeline.py"),
        *("model_training_dag.py", "common/config.py", "common/spark_utils.py", "common/model_utils.py"),
        *("requirements-airflow-2.txt", "requirements-airflow-3.txt", "TASKS.md", ".airflowignore"),
    }


def test_airflow_does_not_look_for_dags_in_common(all_files: dict[str, str]) -> None:
    lines = all_files[".airflowignore"].splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["common"]


def test_it_imports_only_airflow_the_standard_library_and_common(all_files: dict[str, str]) -> None:
    for name, tree in _python(all_files):
        for node in ast.walk(tree):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name} imports relatively"
                modules = [str(node.module)]
            roots = {module.partition(".")[0] for module in modules}
            assert roots <= {"airflow", "common", *sys.stdlib_module_names}, f"{name} imports {roots}"


def test_every_module_of_common_that_is_imported_is_exported(all_files: dict[str, str]) -> None:
    for name, tree in _python(all_files):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("common"):
                module = f"{str(node.module).replace('.', '/')}.py"
                defined = ast.parse(all_files[module]).body
                names = {n.id for d in defined for n in ast.walk(d) if isinstance(n, ast.Name)}
                names |= {d.name for d in defined if isinstance(d, ast.FunctionDef | ast.ClassDef)}
                assert {alias.name for alias in node.names} <= names, f"{name} imports from {module}"


def test_ruff_finds_nothing_that_airflow_3_dropped(all_files: dict[str, str], write_all: WriteAll) -> None:
    assert _ruff("check", "--isolated", "--select", "AIR", str(write_all(all_files))) == ""


def test_ruff_would_find_what_airflow_3_dropped(write_all: WriteAll) -> None:
    wrong = 'from airflow import DAG\n\ndag = DAG("old", schedule_interval="@daily")\n'
    assert "AIR301" in _ruff("check", "--isolated", "--select", "AIR", str(write_all({"old.py": wrong})))


def test_it_is_formatted_and_passes_the_projects_rules(all_files: dict[str, str], write_all: WriteAll) -> None:
    folder, rules = str(write_all(all_files)), str(REPO / "pyproject.toml")
    assert _ruff("format", "--check", "--config", rules, folder) == ""
    assert _ruff("check", "--config", rules, folder) == ""


@pytest.mark.parametrize("spec", DAG_SPECS, ids=lambda spec: spec.dag_id)
def test_each_edge_of_the_job_is_written_once(spec: DagSpec, all_files: dict[str, str]) -> None:
    edges = re.findall(r"^    (\w+) >> (\w+)$", all_files[spec.file], re.MULTILINE)
    assert sorted(edges) == sorted(spec.job.edges)


def test_a_dag_with_tasks_never_seen_before_needs_no_change_of_the_renderer(write_all: WriteAll) -> None:
    job = JobSpec(
        "reco_pipeline",
        "A job of the test.",
        tasks=(Task("load", ("bronze/ratings", "bronze/tags")), Task("send"), Task("tell")),
        edges=chain("load", "send", "tell"),
    )
    operators = {
        "send": spark_submit("send.py", "--to", Code("WORKSPACE"), "--parts", Code("str(SHUFFLE_PARTITIONS)")),
        "tell": slack_message("SUCCESS_MESSAGE"),
    }
    files = export_files(load_settings(), [DagSpec(job, "test_dag.py", ("test",), operators)])
    folder, rules = write_all(files), str(REPO / "pyproject.toml")
    assert _ruff("format", "--check", "--config", rules, str(folder)) == ""
    assert _ruff("check", "--config", rules, str(folder)) == ""
    text = files["test_dag.py"]
    assert "user_defined_macros=ALERT_MACROS" in text
    assert "    SHUFFLE_PARTITIONS,\n    SPARK_APPS_PATH,\n    START_DATE,\n    WORKSPACE,\n" in text


def test_nothing_of_the_exporting_machine_is_in_it(all_files: dict[str, str], tmp_path: Path) -> None:
    elsewhere = load_settings(
        lakehouse_path=tmp_path / 'my lake\'s "data"',
        streaming_path=tmp_path / "new files",
        reco_cache_path=tmp_path / "cache",
        reco_source_path=tmp_path / "raw",
        mlflow_tracking_uri="http://127.0.0.1:5000",
        slack_bot_token="xoxb-secret",
    )
    assert export_files(elsewhere, DAG_SPECS) == all_files


def test_every_file_says_that_it_is_exported(all_files: dict[str, str]) -> None:
    assert all(MARKER in "\n".join(text.splitlines()[:5]) for text in all_files.values())


@pytest.mark.parametrize("spec", DAG_SPECS, ids=lambda spec: spec.dag_id)
def test_a_dag_has_tags_and_a_page_that_says_what_each_of_its_tasks_makes(
    spec: DagSpec, all_files: dict[str, str]
) -> None:
    page = ast.get_docstring(ast.parse(all_files[spec.file]))
    assert spec.tags
    assert page
    assert "doc_md=__doc__" in all_files[spec.file]
    for task in spec.job.tasks:
        assert f"`{task.name}`" in page
        assert all(f"`{asset}`" in page for asset in task.assets)


def test_schedules_and_numbers_are_those_of_the_settings() -> None:
    settings = load_settings(reco_pipeline_cron="30 4 * * 1", drift_detection_retrain_pipeline_cron="", evaluation_k=7)
    files = export_files(settings, DAG_SPECS)
    assert 'schedule=cron("30 4 * * 1")' in files["reco_pipeline_dag.py"]
    assert "schedule=None" in files["dag_drift_retrain.py"]
    assert "\nK = 7\n" in files["common/config.py"]
    assert "`30 4 * * 1`" in files["TASKS.md"]


def test_shared_helpers_are_the_platforms_own_source(all_files: dict[str, str]) -> None:
    for name, source in (
        ("model_utils.py", "reco_assets/models/versions/folders.py"),
        ("spark_utils.py", "reco_assets/spark_submit.py"),
        ("spark_jars.py", "resources/spark_jars.py"),
    ):
        assert all_files[f"common/{name}"].endswith((REPO / source).read_text())


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("spark_utils.py", "build_spark_submit_command"),
        ("spark_utils.py", "build_docker_spark_command"),
        ("model_utils.py", "get_latest_model_version_from_path"),
        ("model_utils.py", "validate_model_version"),
    ],
)
def test_common_has_the_documented_helpers(all_files: dict[str, str], module: str, function: str) -> None:
    assert f"def {function}(" in all_files[f"common/{module}"]


def test_the_table_names_every_task(all_files: dict[str, str]) -> None:
    table = all_files["TASKS.md"]
    for spec in DAG_SPECS:
        assert f"## `{spec.dag_id}`" in table
        for task in spec.job.tasks:
            assert f"| `{task.name}` | " in table


@pytest.mark.parametrize("line", ["2", "3"])
def test_the_pins_are_those_that_the_dags_were_tested_with(all_files: dict[str, str], line: str) -> None:
    lock = (REPO / "airflow" / f"requirements-{line}.lock").read_text()
    pins = [pin for pin in all_files[f"requirements-airflow-{line}.txt"].splitlines() if not pin.startswith("#")]
    assert len(pins) == 6
    for pin in pins:
        assert f"\n{pin} " in f"\n{lock}", f"{pin} is not in the lock"


def test_variables_are_read_when_a_task_runs_not_when_the_file_is_parsed(all_files: dict[str, str]) -> None:
    readers = {name for name, text in all_files.items() if "prediction_threshold" in text and name.endswith(".py")}
    assert readers == {"common/connections.py"}
    tree = ast.parse(all_files["common/connections.py"])
    outside = [node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert not [call for node in outside for call in ast.walk(node) if isinstance(call, ast.Call)]

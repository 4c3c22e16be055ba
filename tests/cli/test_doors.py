"""tools/run_pipeline.py and the spark-submit files: the documented doors to the same code."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from resources.spark_jars import DELTA_SPARK, DELTA_STORAGE

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
TOOL = str(ROOT / "tools" / "run_pipeline.py")


def test_without_run_local_the_tool_prints_the_documented_command_for_the_container(
    run_python: Run, tmp_path: Path
) -> None:
    done = run_python([TOOL, "etl"], {}, tmp_path)
    assert done.returncode == 0, done.stderr
    command = shlex.split(done.stdout)
    assert shlex.join(command[:6]) == "docker-compose exec spark-master spark-submit --master spark://spark-master:7077"
    assert command[6:8] == ["--packages", f"{DELTA_SPARK},{DELTA_STORAGE}"]
    assert command[-1] == "/opt/spark/jobs/etl_bronze_to_silver.py"
    assert "spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension" in command


def test_with_local_the_tool_prints_a_command_for_this_machine(run_python: Run, tmp_path: Path) -> None:
    done = run_python([TOOL, "etl", "--local"], {}, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("SPARK_HOME=")
    assert done.stdout.rstrip().endswith(str(ROOT / "spark/jobs/etl_bronze_to_silver.py"))


def test_with_run_local_the_tool_runs_the_step_here(run_python: Run, small: dict[str, str], tmp_path: Path) -> None:
    done = run_python([TOOL, "etl"], small | {"RUN_LOCAL": "1", "LAKEHOUSE_PATH": str(tmp_path / "lake")}, tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"silver/ratings"' in done.stdout


@pytest.mark.parametrize("value", ["true", "YES", "on"])
def test_run_local_is_said_in_any_of_the_usual_words(run_python: Run, tmp_path: Path, value: str) -> None:
    done = run_python([TOOL, "etl"], {"RUN_LOCAL": value, "LAKEHOUSE_PATH": str(tmp_path / "lake")}, tmp_path)
    assert "spark-submit" not in done.stdout
    assert "no source is set" in done.stderr  # which a printed command would not know


@pytest.mark.parametrize("value", ["0", "False", "no"])
def test_run_local_may_say_no(run_python: Run, tmp_path: Path, value: str) -> None:
    assert "spark-submit" in run_python([TOOL, "etl"], {"RUN_LOCAL": value}, tmp_path).stdout


def test_run_local_that_says_neither_is_refused(run_python: Run, tmp_path: Path) -> None:
    done = run_python([TOOL, "etl"], {"RUN_LOCAL": "maybe"}, tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: RUN_LOCAL='maybe' is not allowed: it must be one of 1, true, yes, on, 0")


def test_an_unknown_step_is_answered_with_the_usage(run_python: Run, tmp_path: Path) -> None:
    done = run_python([TOOL, "deploy"], {}, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("usage: ")


def test_the_printed_commands_work_when_pasted_and_hand_their_result_to_airflow(
    run_python: Run, small: dict[str, str], tmp_path: Path
) -> None:
    lakehouse = {"LAKEHOUSE_PATH": str(tmp_path / "lake"), "RECO_ENGINE": "auto"}
    airflow = {"AIRFLOW_CTX_DAG_ID": "dag", "AIRFLOW_CTX_DAG_RUN_ID": "run", "RECO_RESULTS_PATH": str(tmp_path)}
    for step in ("etl", "train"):
        variables = small | lakehouse | airflow | {"AIRFLOW_CTX_TASK_ID": step}
        command = run_python([TOOL, step, "--local"], variables, tmp_path).stdout
        exports = " ".join(f"{name}={value}" for name, value in variables.items())
        shell = subprocess.run(
            ["sh", "-c", f"export {exports}; {command}"],
            check=False,
            cwd=tmp_path,
            # An embedded session of this test run leaves variables behind that Spark would take for its own.
            env={name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME") if name in os.environ},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert shell.returncode == 0, shell.stderr[-2000:]
        assert json.loads((tmp_path / "dag" / "run" / f"{step}.json").read_text())["assets"]
    version = next((tmp_path / "lake" / "gold" / "models" / "als").glob("2*"))
    assert (version / "mllib" / "rating").is_dir()
    assert run_python([TOOL, "validate"], variables, tmp_path).returncode == 0

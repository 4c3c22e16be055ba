"""What `make airflow-up` leaves in Airflow's home for Airflow's own commands, and the connections it makes."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def home_files() -> ModuleType:
    return _script("home_files")


@pytest.fixture(scope="module")
def up(home_files: ModuleType) -> ModuleType:
    sys.modules["home_files"] = home_files  # as Python finds it for a script, beside it
    return _script("up")


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"airflow_{name}", ROOT / "airflow" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_airflow_cfg_says_what_the_environment_says_and_keeps_the_rest(home_files: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "airflow.cfg"
    path.write_text(
        "[core]\n# load_examples = what it means\nload_examples = True\nfernet_key = secret\n\n[api]\nport = 1\n"
    )
    environment = {
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": "/a%20b/dags",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////home/airflow.db",
        "AIRFLOW_HOME": "/home",
        "LAKEHOUSE_PATH": "/lake",
    }
    for _ in range(2):
        home_files.configure(path, environment)
        assert path.read_text().splitlines() == [
            "[core]",
            "dags_folder = /a%%20b/dags",
            "# load_examples = what it means",
            "load_examples = False",
            "fernet_key = secret",
            "",
            "[api]",
            "port = 1",
            "[database]",
            "sql_alchemy_conn = sqlite:////home/airflow.db",
        ]


def test_the_command_runs_in_the_same_environment_whatever_the_callers_is(
    home_files: ModuleType, tmp_path: Path
) -> None:
    command = tmp_path / "bin" / "airflow"
    home_files.write_command(command, Path("/bin/sh"), {"LAKEHOUSE_PATH": "/the lake's"})
    asked = [str(command), "-c", 'echo "$LAKEHOUSE_PATH"']
    done = subprocess.run(asked, env={"LAKEHOUSE_PATH": "/other"}, capture_output=True, text=True, check=True)
    assert done.stdout == "/the lake's\n"


@pytest.mark.parametrize("uri", ["", "sqlite:////lake/mlflow.db"])
def test_without_a_server_there_is_no_connection_to_mlflow(up: ModuleType, uri: str) -> None:
    assert "mlflow_conn" not in up.connections({"MLFLOW_TRACKING_URI": uri})


def test_the_connection_to_mlflow_keeps_its_password_where_airflow_hides_it(up: ModuleType) -> None:
    made = up.connections({"MLFLOW_TRACKING_URI": "https://me:a%40b@mlflow:5000/api"})["mlflow_conn"]
    assert made == {"conn_type": "http", "host": "https://mlflow:5000/api", "login": "me", "password": "a@b"}


def test_the_variables_start_as_the_callers_environment_has_them(up: ModuleType) -> None:
    assert up.variables({"TRAINING_LOOKBACK_DAYS": "30"}) == {
        "model_registry_name": "reco_als",
        "training_lookback_days": "30",
        "prediction_threshold": 4.0,
    }

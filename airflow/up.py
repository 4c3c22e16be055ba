"""Start a real Airflow 3 with the exported DAGs on the loopback address; Ctrl-C stops all of it.

`airflow standalone` does nearly the same, but serves task logs on every interface, and leaves tasks behind it.
Runs in the Airflow environment, so it knows the platform only by its files and environment variables.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psutil
from home_files import configure, write_command

REPO = Path(__file__).resolve().parents[1]
AIRFLOW = Path(sys.executable).with_name("airflow")
SERVICES = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],  # Airflow reads the logs' files; their server has no host setting
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
START_SECONDS, STOP_SECONDS, POLL_SECONDS = 180.0, 20.0, 0.5


class UpError(Exception):
    """One line that says what is wrong and what to do."""


def airflow_variables(home: Path, port: int) -> dict[str, str]:
    """What makes it this Airflow and no other; wins over what the caller's environment says."""
    url = f"http://127.0.0.1:{port}"
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def platform_variables(outer: Mapping[str, str]) -> dict[str, str]:
    """Where the DAGs find the platform; whatever the caller's environment says already stays."""
    spark = next((REPO / ".venv-spark" / "lib").glob("python3*/site-packages/pyspark"), None)
    if spark is None:
        raise UpError(f"The platform is not installed in {REPO / '.venv-spark'}: run make spark")
    found = {
        "AIRFLOW__CORE__DAGS_FOLDER": REPO / "airflow" / "dags",
        "AIRFLOW__CORE__PARALLELISM": 2,  # a lakehouse has one writer, and each Spark wants every core
        "DAGSTER_HOME": REPO / ".dagster",
        "LAKEHOUSE_PATH": REPO / "data",
        "PYSPARK_PYTHON": REPO / ".venv-spark" / "bin" / "python",
        "RECO_COMMAND": REPO / ".venv-spark" / "bin" / "reco",
        "RECO_PYTHON": REPO / ".venv-spark" / "bin" / "python",
        "SIM_PATH": REPO / "sim",
        "SPARK_APPS_PATH": REPO / "spark" / "apps",
        "SPARK_HOME": spark,
    }
    variables = {name: outer.get(name) or str(value) for name, value in found.items()}
    variables["WORKSPACE"] = outer.get("WORKSPACE") or str(Path(variables["LAKEHOUSE_PATH"]).parent)
    lake = variables["LAKEHOUSE_PATH"]
    variables["STREAMING_PATH"] = outer.get("STREAMING_PATH") or f"{lake}/streaming"
    variables["DATA_LAKE_PATH"] = outer.get("DATA_LAKE_PATH") or f"{lake}/events"
    variables["FEATURE_STORE_PATH"] = outer.get("FEATURE_STORE_PATH") or f"{lake}/features/feature_store.duckdb"
    # Without servers events go by files and models are registered in the lakehouse, as outside of Airflow.
    variables |= {name: outer.get(name) or "" for name in ("KAFKA_BOOTSTRAP_SERVERS", "MLFLOW_TRACKING_URI")}
    # Tasks run in other folders than this command.
    for name in (
        "LAKEHOUSE_PATH",
        "DAGSTER_HOME",
        "WORKSPACE",
        "STREAMING_PATH",
        "DATA_LAKE_PATH",
        "FEATURE_STORE_PATH",
    ):
        variables[name] = str(Path(variables[name]).expanduser().absolute())
    # Only Spark's own scripts come first, none of the platform's environment: its Python is not Airflow's.
    variables["PATH"] = os.pathsep.join([f"{variables['SPARK_HOME']}/bin", outer.get("PATH", os.defpath)])
    return variables


def connections(outer: Mapping[str, str]) -> dict[str, Any]:
    """The documented connections with what they are on this machine; Slack and mail are the caller's to give.

    `mlflow_conn` is there where there is a server: without one the platform keeps its runs in the lakehouse.
    """
    here = {
        "spark_default": {"conn_type": "spark", "host": outer.get("SPARK_MASTER") or "local[*]"},
        "trainer_api": {"conn_type": "http", "host": "http://127.0.0.1:3000"},  # where make dev lets Dagster listen
    }
    server = urlsplit(outer.get("MLFLOW_TRACKING_URI") or "")
    if server.scheme not in ("http", "https"):
        return here
    address = server._replace(netloc=server.netloc.rpartition("@")[2]).geturl()
    login = {"login": server.username, "password": server.password}
    given = {name: unquote(value) for name, value in login.items() if value}
    return here | {"mlflow_conn": {"conn_type": "http", "host": address, **given}}


def variables(outer: Mapping[str, str]) -> dict[str, Any]:
    """The documented variables, as the caller's environment has them, else as the platform does by default."""
    return {
        "model_registry_name": outer.get("MODEL_REGISTRY_NAME") or "reco_als",
        "training_lookback_days": outer.get("TRAINING_LOOKBACK_DAYS") or 36500,
        "prediction_threshold": outer.get("RATING_THRESHOLD") or 4.0,
    }


def prepare(home: Path, environment: Mapping[str, str], own: Mapping[str, str]) -> None:
    """Make or renew the database, airflow.cfg and the command; `own` is what the caller's environment did not say.

    Connections and variables are set once, so that edited ones stay.
    """
    home.mkdir(parents=True, exist_ok=True)
    _airflow(environment, home, "db", "migrate")
    configure(home / "airflow.cfg", own)
    write_command(home / "bin" / "airflow", AIRFLOW, own)
    done = home / ".connections-set"
    if done.exists():
        return
    for name, document in (("connections", connections(environment)), ("variables", variables(environment))):
        file = home / f"{name}.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(document, indent=2))
        _airflow(environment, home, name, "import", str(file))
        file.unlink()  # there may be a password in it
    done.touch()


def _airflow(environment: Mapping[str, str], home: Path, *arguments: str) -> None:
    command = [str(AIRFLOW), *arguments]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UpError(f"airflow {' '.join(arguments)} failed:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")


@contextmanager
def services(home: Path, environment: Mapping[str, str]) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """The four services, each with a log file of its own; what they started ends with them."""
    folder = home / "logs" / "services"
    folder.mkdir(parents=True, exist_ok=True)
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, arguments in SERVICES.items():
            with (folder / f"{name}.log").open("wb") as log:
                command = [str(AIRFLOW), *arguments]
                # A session of their own: Ctrl-C reaches this process alone, which then stops them in order.
                running[name] = subprocess.Popen(
                    command, env=environment, cwd=home, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
                )
        yield running
    finally:
        _stop(list(running.values()))


def _stop(running: list[subprocess.Popen[bytes]]) -> None:
    # Listed before anything ends: a task that outlives the scheduler is nobody's child afterwards.
    started = [psutil.Process(process.pid) for process in running if process.poll() is None]
    family = {process for parent in started for process in [parent, *parent.children(recursive=True)]}
    for process in started:
        process.terminate()
    _, alive = psutil.wait_procs(list(family), timeout=STOP_SECONDS)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=STOP_SECONDS)


def wait_until_healthy(running: Mapping[str, subprocess.Popen[bytes]], home: Path, port: int) -> None:
    """Return when every service says that it is well. Raises `UpError` when one ended or time is over."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        _check_alive(running, home)
        if _healthy(port):
            return
        time.sleep(POLL_SECONDS)
    raise UpError(f"Airflow was not ready within {START_SECONDS:.0f} s; see {home / 'logs' / 'services'}")


def _check_alive(running: Mapping[str, subprocess.Popen[bytes]], home: Path) -> None:
    for name, process in running.items():
        if process.poll() is not None:
            log = home / "logs" / "services" / f"{name}.log"
            raise UpError(f"{name} ended; the end of {log}:\n{log.read_text(errors='replace')[-1500:]}")


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v2/monitor/health", timeout=5) as answer:
            parts = json.load(answer)
    except OSError:
        return False
    return all(part["status"] == "healthy" for part in parts.values())


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def up(home: Path, port: int) -> None:
    """Run Airflow until a signal comes. Raises `UpError`."""
    if not _free(port):
        raise UpError(f"Port {port} is taken: stop what listens there, or run make airflow-up AIRFLOW_PORT=8082")
    own = airflow_variables(home, port) | platform_variables(os.environ)
    environment = {**os.environ, **own}
    prepare(home, environment, own)
    Path(environment["STREAMING_PATH"]).mkdir(parents=True, exist_ok=True)  # where new ratings are dropped
    with services(home, environment) as running:
        wait_until_healthy(running, home, port)
        print(f"Airflow is running: http://127.0.0.1:{port} (no login). Ctrl-C stops it. Logs: {home / 'logs'}")
        print("DAGs start paused: switch one on there, or run make airflow-trigger-dag dag=reco_pipeline")
        print(f"Airflow's own commands on it: {home / 'bin' / 'airflow'} dags list", flush=True)
        while True:
            _check_alive(running, home)
            time.sleep(POLL_SECONDS)


def main() -> int:
    """Parse the arguments and run; the exit code is 1 when Airflow did not start or one of its services ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=REPO / ".airflow" / "home", help="Database and logs.")
    parser.add_argument("--port", type=int, default=8081)
    options = parser.parse_args()
    for stop in (signal.SIGINT, signal.SIGTERM):  # a shell's background job would be born deaf to the first
        signal.signal(stop, signal.default_int_handler)
    try:
        up(options.home.absolute(), options.port)
    except KeyboardInterrupt:
        print("Airflow is stopped.")
    except UpError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

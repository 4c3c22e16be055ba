"""Ctrl-C and SIGTERM: one line, the shell's exit code, the run cancelled, nothing in the way of the next command."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

pytestmark = pytest.mark.slow

Reco = Callable[..., "subprocess.CompletedProcess[str]"]
SECONDS = 120


def stop_when(said: str, number: int, arguments: list[str], variables: dict[str, str], cwd: Path) -> tuple[int, str]:
    """Start `reco`, send a signal once it says this, and return the exit code and all that it said."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", "reco_assets.cli", *arguments],
        env=kept | {"RECO_ENGINE": "embedded", "PYTHONUNBUFFERED": "1"} | variables,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if said in line:
            process.send_signal(number)
            break
    rest = process.communicate(timeout=SECONDS)[0]
    return process.returncode, told + rest


@pytest.fixture
def variables(tmp_path: Path, small: dict[str, str]) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir()
    lakehouse = {"LAKEHOUSE_PATH": str(tmp_path / "lake"), "DAGSTER_HOME": str(home), "RECO_SOURCE": "synthetic"}
    return small | lakehouse


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_is_cancelled_and_the_next_one_works(
    reco: Reco, variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    ended, told = stop_when("etl: silver_ratings", number, ["etl"], variables, tmp_path)
    assert ended == 128 + number
    assert "Traceback" not in told
    name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
    assert told.splitlines()[-1] == f"stopped by {name}: what was not finished is as it was before. Start it again."
    monkeypatch.setenv("DAGSTER_HOME", variables["DAGSTER_HOME"])
    with dg.DagsterInstance.get() as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.CANCELED]
    again = reco("etl", **variables)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_that_is_stopped_before_its_run_says_so_in_one_line(
    variables: dict[str, str], tmp_path: Path, number: int, code: int
) -> None:
    ended, told = stop_when("source: ", number, ["train"], variables, tmp_path)
    assert ended == code
    assert told.splitlines()[-1].startswith("stopped by ")
    assert "Traceback" not in told


def test_a_stopped_demo_takes_dagster_with_it(variables: dict[str, str], tmp_path: Path) -> None:
    own = {**variables, "DAGSTER_HOME": str(tmp_path / "demo-home")}
    (tmp_path / "demo-home").mkdir()
    ended, told = stop_when("Dagster is running", signal.SIGTERM, ["demo"], own, tmp_path)
    assert ended == 143, told
    deadline = time.monotonic() + SECONDS
    while (left := processes_of(own["DAGSTER_HOME"])) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []


def processes_of(home: str) -> list[str]:
    """Command lines of the processes that have this DAGSTER_HOME in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"DAGSTER_HOME={home}\0" in (folder / "environ").read_text():
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found

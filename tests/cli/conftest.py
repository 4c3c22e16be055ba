"""`reco` as a person runs it: with an environment, in a folder; what it printed and how it ended.

Most tests run it in their own process, which has imported the platform already: that is four fifths of the work of a
command. What only a process has, which is signals, standard output that nothing else writes to, and the first import,
is asked of one.
"""

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryFile
from types import SimpleNamespace
from typing import IO

import pytest

from reco_assets.cli.main import main
from resources.settings import VARIABLES

Reco = Callable[..., "subprocess.CompletedProcess[str]"]
SMALL = {"RECO_SOURCE": "synthetic", "SYNTHETIC_USERS": "200", "SYNTHETIC_MOVIES": "300", "SYNTHETIC_RATINGS": "20000"}


def run_here(arguments: list[str], variables: dict[str, str], cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run `reco ARGUMENTS` in this process as `run` does in one of its own, with what is done at the end of that."""
    at_its_end = list[Callable[[], None]]()
    with (
        TemporaryFile("w+") as out,
        TemporaryFile("w+") as errors,
        redirect_stdout(out),
        redirect_stderr(errors),
        warnings.catch_warnings(),
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in (VARIABLES.keys() | {"DAGSTER_HOME", "RECO_DEBUG"}) - {"RECO_CACHE_PATH"}:
            patch.delenv(name, raising=False)
        for name, value in ({"RECO_ENGINE": "embedded", "COLUMNS": "160"} | variables).items():
            patch.setenv(name, value)
        patch.chdir(cwd)
        patch.setattr(warnings, "showwarning", _print_warning)  # pytest would keep them
        patch.setattr("resources.engine.atexit", SimpleNamespace(register=at_its_end.append))
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        for end in at_its_end:
            end()
        return subprocess.CompletedProcess(arguments, int(ended.value.code or 0), _text(out), _text(errors))


def _print_warning(message: Warning | str, category: type[Warning], path: str, line: int, *_: object) -> None:
    sys.stderr.write(warnings.formatwarning(message, category, path, line))


def _text(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def run(arguments: list[str], variables: dict[str, str], cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run a Python command of the platform in its own environment; wide enough that tables don't wrap."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "RECO_CACHE_PATH", "JAVA_HOME") if name in os.environ}
    environment = kept | {"RECO_ENGINE": "embedded", "COLUMNS": "160"} | variables
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="session")
def small() -> dict[str, str]:
    """Settings of a synthetic source that takes a moment."""
    return SMALL


@pytest.fixture(scope="session")
def run_python() -> "Callable[..., subprocess.CompletedProcess[str]]":
    """`run`, for tests of files that are not `reco`."""
    return run


@pytest.fixture(scope="session")
def run_reco() -> "Callable[..., subprocess.CompletedProcess[str]]":
    """`run_here`, for lakehouses that several tests share."""
    return run_here


@pytest.fixture
def reco(tmp_path: Path) -> Reco:
    """Run `reco ARGUMENTS` with settings as keyword arguments, in a lakehouse of the test's own."""

    def call(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return run_here([*arguments], {"LAKEHOUSE_PATH": str(tmp_path / "lake")} | variables, tmp_path)

    return call


@pytest.fixture
def take_in(reco: Reco, tmp_path: Path) -> Callable[[str, str], Reco]:
    """Take a file of this name and text into the lakehouse, before any model was trained; gives `reco` on it."""

    def call(name: str, text: str) -> Reco:
        landing = tmp_path / "lake" / "streaming"
        landing.mkdir(parents=True)
        (landing / name).write_text(text, encoding="utf-8")
        done = reco("stream", "process")
        assert done.returncode == 0, done.stderr
        return reco

    return call


@pytest.fixture
def reco_process(tmp_path: Path) -> Reco:
    """The same in a process of its own."""

    def call(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return run(
            ["-m", "reco_assets.cli", *arguments], {"LAKEHOUSE_PATH": str(tmp_path / "lake")} | variables, tmp_path
        )

    return call


@pytest.fixture(scope="session")
def demo_lake(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    """A lakehouse that `reco demo` filled once for all tests, and what the command printed."""
    folder = tmp_path_factory.mktemp("demo")
    done = run(["-m", "reco_assets.cli", "demo"], SMALL | {"LAKEHOUSE_PATH": str(folder / "lake")}, folder)
    return folder / "lake", done

"""`reco` as a person runs it: a process with an environment."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Reco = Callable[..., "subprocess.CompletedProcess[str]"]
SMALL = {"RECO_SOURCE": "synthetic", "SYNTHETIC_USERS": "200", "SYNTHETIC_MOVIES": "300", "SYNTHETIC_RATINGS": "20000"}


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


@pytest.fixture
def reco(tmp_path: Path) -> Reco:
    """Run `reco ARGUMENTS` with settings as keyword arguments, in a lakehouse of the test's own."""

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

"""One cluster for the whole run of tests, and programs that use it; each has no variables but those it is given."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from resources.loopback import free_ports
from tests.tiny import TINY
from tools.cluster import Cluster, Ports, down, up

REPO = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    asked = Cluster(tmp_path_factory.mktemp("cluster"), ports=Ports(*free_ports(4)))
    try:
        up(asked)
        yield asked
    finally:
        down(asked.home)


@pytest.fixture(scope="session")
def run_with(cluster: Cluster) -> Run:
    """Run a command with the cluster's address of that name, on tiny invented ratings."""

    def run(address: str, lake: Path, command: list[str], **variables: str) -> "subprocess.CompletedProcess[str]":
        outer = {name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME") if name in os.environ}
        tiny = TINY | {
            "DRIFT_BOOTSTRAP_SAMPLES": "199",
            "EVENTS_SIMULATE": "off",
            "SPARK_SHUFFLE_PARTITIONS": "2",
            "SPARK_DRIVER_MEMORY": "1g",
        }
        given = outer | tiny | {address: cluster.addresses[address], "LAKEHOUSE_PATH": str(lake)} | variables
        done = subprocess.run(command, env=given, cwd=REPO, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-5000:]
        return done

    return run


@pytest.fixture(scope="session")
def run_loop(run_with: Run, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, dict[str, Any]]]:
    """Run `loop.py` with that address; its lakehouse, and what it found."""

    def run(address: str, *arguments: str, **variables: str) -> tuple[Path, dict[str, Any]]:
        folder = tmp_path_factory.mktemp(address.lower())
        out = folder / "found.json"
        program = [sys.executable, str(Path(__file__).with_name("loop.py")), str(out), *arguments]
        run_with(address, folder / "lake", program, PYTHONPATH=str(REPO), **variables)
        return folder / "lake", json.loads(out.read_text())

    return run

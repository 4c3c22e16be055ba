"""No password of a setting is in anything that a real run prints, logs or stores."""

import shutil
import socket
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

Reco = Callable[..., "subprocess.CompletedProcess[str]"]
PASSWORD = "S3cret-of/the%40registry"


@pytest.fixture
def port() -> int:
    """Where nothing listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


def holders(*folders: Path) -> list[str]:
    """The files below folders that hold any part of the password's text."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return [str(path) for path in files if b"S3cret" in path.read_bytes()]


@pytest.mark.parametrize("scheme", ["http", "postgresql"])
def test_the_password_of_the_tracking_server_is_neither_printed_nor_stored(
    scheme: str, demo_lake: tuple[Path, object], reco: Reco, tmp_path: Path, port: int
) -> None:
    lake, home = tmp_path / "lake", tmp_path / "home"
    shutil.copytree(demo_lake[0], lake, ignore=shutil.ignore_patterns("_dagster"))
    home.mkdir()
    variables = {
        "MLFLOW_TRACKING_URI": f"{scheme}://me:{PASSWORD}@127.0.0.1:{port}/mlflow",
        "MLFLOW_TIMEOUT_SECONDS": "1",
        "DAGSTER_HOME": str(home),
        "SLACK_BOT_TOKEN": "xoxb-S3cret",
        "SLACK_CHANNEL": "#reco",
        "RECO_DEBUG": "1",
    }
    judged = reco("evaluate", **variables)
    assert judged.returncode == 0, judged.stderr
    refused = reco("train", **variables, RECO_SOURCE=variables["MLFLOW_TRACKING_URI"])
    assert refused.returncode == 1
    said = judged.stdout + judged.stderr + refused.stdout + refused.stderr
    assert "S3cret" not in said
    logs = "".join(path.read_text() for path in home.rglob("*.err"))
    assert "MLflow at" in said + logs  # it was asked, and said what it could not reach
    assert holders(lake, home) == []

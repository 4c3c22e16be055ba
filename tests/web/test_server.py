"""The guarded web server as it is started, and dagster dev with it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

pytestmark = pytest.mark.slow

SECONDS = 90
QUERY = json.dumps({"query": "{ version }"})
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "graphql-ws",
}


@pytest.fixture(scope="module", params=[[], ["dev"]], ids=["webserver", "dev"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a guarded server with an empty code location."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "empty.py").write_text("import dagster\ndefs = dagster.Definitions()\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = int(probe.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "reco_assets.web", *request.param, "-f", "empty.py", "-h", "127.0.0.1", "-p", str(free)],
        env={**os.environ, "DAGSTER_HOME": str(folder)},
        cwd=folder,
        stdout=(folder / "log").open("w"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + SECONDS
        while not answers(free):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.2)
        yield free
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def answers(port: int) -> bool:
    try:
        return ask(port, "GET", "/server_info") == 200
    except OSError:
        return False


def ask(port: int, method: str, path: str, body: str | None = None, **headers: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_page_and_programs_may_query(port: int) -> None:
    own = f"http://127.0.0.1:{port}"
    assert ask(port, "GET", "/") == 200
    assert ask(port, "POST", "/graphql", QUERY, Content_Type="application/json") == 200
    assert ask(port, "POST", "/graphql", QUERY, Content_Type="application/json", Origin=own) == 200
    assert ask(port, "GET", "/graphql", **UPGRADE, Origin=own) == 101


def test_a_page_of_another_site_may_not(port: int) -> None:
    evil = "https://evil.example"
    assert ask(port, "POST", "/graphql", QUERY, Content_Type="text/plain", Origin=evil) == 403
    assert ask(port, "POST", "/graphql", QUERY, Content_Type="application/json", Origin=evil) == 403
    assert ask(port, "POST", "/graphql", QUERY, Content_Type="text/plain") == 403
    assert ask(port, "GET", "/", Host="evil.example") == 403
    assert ask(port, "GET", "/graphql", **UPGRADE, Origin=evil) == 403

"""One engine session for the whole run, and a temporary lakehouse for each test.

RECO_ENGINE decides the engine; `tests/run.sh` runs the suite on the embedded one and the tests marked
`both_engines` again on Spark.
"""

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from resources.lakehouse import Lakehouse
from resources.session import Engine
from resources.settings import Settings, load_settings

MOVIELENS = Path(__file__).resolve().parents[2] / "shared" / "data" / "ml-latest-small"
PLATFORM_VARIABLES = {name.upper() for name in Settings.model_fields} - {"RECO_ENGINE", "RECO_CACHE_PATH"}


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> None:
    for name in PLATFORM_VARIABLES & os.environ.keys():
        del os.environ[name]


@pytest.fixture(scope="session")
def engine(_no_settings_from_outside: None) -> Iterator[Engine]:
    engine = Engine(load_settings())
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def spark(engine: Engine) -> Any:
    return engine.session


@pytest.fixture
def make_lakehouse(tmp_path: Path, engine: Engine) -> Callable[..., Lakehouse]:
    """Make a lakehouse in the test's own folder, with settings as keyword arguments."""

    def make(**settings: Any) -> Lakehouse:
        return Lakehouse(load_settings(lakehouse_path=tmp_path / "lake", **settings), engine)

    return make


@pytest.fixture
def lakehouse(make_lakehouse: Callable[..., Lakehouse]) -> Lakehouse:
    return make_lakehouse()


@pytest.fixture(scope="session")
def movielens() -> Path:
    """The real ml-latest-small folder; tests that need it are skipped where it is not."""
    if not MOVIELENS.is_dir():
        pytest.skip(f"ml-latest-small is not at {MOVIELENS}: put it there to run this test")
    return MOVIELENS


@dataclass(frozen=True)
class SlackRequest:
    """What a client of Slack's Web API sent."""

    path: str
    token: str
    channel: str
    text: str


@dataclass
class SlackServer:
    """Stands in for Slack's Web API on the loopback address; `answer` is the status and body of every reply."""

    answer: tuple[int, bytes] = (200, b'{"ok": true}')
    requests: list[SlackRequest] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                token = self.headers["Authorization"]
                stand_in.requests.append(SlackRequest(self.path, token, body["channel"], body["text"]))
                stand_in.free.wait()
                status, reply = stand_in.answer
                self.send_response(status)
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_: object) -> None:
                pass

        self.free.set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def texts(self) -> list[str]:
        return [request.text for request in self.requests]

    def hang(self) -> None:
        """Take requests from now on, and answer none."""
        self.free.clear()

    def stop(self) -> None:
        self.free.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):  # Slack's client would look for the loopback address behind it
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    server = SlackServer()
    yield server
    server.stop()

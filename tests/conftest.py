"""One engine session for the whole run, and a temporary lakehouse for each test.

RECO_ENGINE decides the engine; `tests/run.sh` runs the suite on the embedded one and the tests marked
`both_engines` again on Spark.
"""

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import csv

from reco_assets.sources import synthetic
from reco_assets.sources.layout import RawForm
from reco_assets.sources.typed import text_of
from resources.engine import Engine
from resources.settings import VARIABLES, Settings, load_settings
from resources.settings.source import SyntheticSettings
from resources.tables.lakehouse import Lakehouse

pytest_plugins = ["tests.brokers", "tests.mail_server", "tests.object_storage", "tests.streams"]

REPO = Path(__file__).resolve().parents[1]
# Where real ratings may lie: a folder of one's own, beside the checkout, or what `reco data fetch` unpacked in it.
ML_LATEST_SMALL = (
    REPO.parent / "shared" / "data" / "ml-latest-small",
    REPO / "data" / "bronze" / "movielens" / "ml-latest-small",
)
LIKE_ML_LATEST_SMALL = SyntheticSettings(users=610, movies=9_742, ratings=100_836, seed=42)
PLATFORM_VARIABLES = VARIABLES.keys() - {"RECO_ENGINE", "RECO_CACHE_PATH"}


# 170 to 60 s each. One that begins last keeps the other processor without work for as long.
LONGEST_FILES = (
    "test_driver_memory.py",
    "cluster/test_on_a_cluster.py",
    "airflow_real/test_parity.py",
    "test_commands.py",
    "test_drift_loop.py",
    "cli/test_run.py",
    "cli/test_reco.py",
    "cli/test_doors.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, then those with most tests: tests/run.sh hands files out in this order."""
    longest = {REPO / "tests" / name: -place for place, name in enumerate(LONGEST_FILES)}
    tests_in = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path in longest, longest.get(item.path, 0), tests_in[item.path]), reverse=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what asks for the environment of Spark in the embedded one."""
    if item.get_closest_marker("spark_environment") and find_spec("dagster_pyspark") is None:
        pytest.skip("needs .venv-spark: make spark")


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> None:
    for name in PLATFORM_VARIABLES & os.environ.keys():
        del os.environ[name]


@pytest.fixture(autouse=True, scope="session")
def _interrupts_as_on_a_terminal() -> None:
    # A script that starts this with `&` has it ignore Ctrl-C, and so would everything that is started from here.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_store_that_mlflow_set(monkeypatch: pytest.MonkeyPatch) -> None:
    # MLflow puts the address of its store into the environment, where a later test would take it for a setting.
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="session")
def engine(_no_settings_from_outside: None) -> Iterator[Engine]:
    engine = Engine(load_settings())
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def spark(engine: Engine) -> Any:
    return engine.session


@pytest.fixture
def make_lakehouse(tmp_path: Path, engine: Engine, tables_uri: str | None) -> Callable[..., Lakehouse]:
    """Make a lakehouse in the test's own folder, with settings as keyword arguments."""

    def make(**settings: Any) -> Lakehouse:
        return Lakehouse(load_settings(lakehouse_path=tmp_path / "lake", **settings), engine)

    return make


@pytest.fixture
def lakehouse(make_lakehouse: Callable[..., Lakehouse]) -> Lakehouse:
    return make_lakehouse()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DAGSTER_HOME of the test's own."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_settings(_no_settings_from_outside: None) -> Callable[..., Settings]:
    """Settings of a lakehouse at a path, all of which is made in seconds, of ratings that the platform invents."""

    def make(root: Path, **settings: Any) -> Settings:
        return load_settings(
            lakehouse_path=root,
            reco_source="synthetic",
            synthetic_users=120,
            synthetic_movies=150,
            synthetic_ratings=8_000,
            als_rank=8,
            als_max_iter=3,
            ranking_rank=8,
            ranking_max_iter=3,
            promotion_bootstrap_samples=199,
            drift_bootstrap_samples=199,
            **({"events_simulate": "off"} | settings),
        )

    return make


@dataclass(frozen=True)
class RatingFiles:
    """A folder with ratings.csv, movies.csv and tags.csv, and how many rows each has; `real`: people made them."""

    folder: Path
    ratings: int
    movies: int
    tags: int
    real: bool


@pytest.fixture(scope="session")
def movielens(tmp_path_factory: pytest.TempPathFactory) -> RatingFiles:
    """ml-latest-small where it is found, else files of the same size and layout that the project makes itself."""
    real = real_ratings()
    folder = real or tmp_path_factory.mktemp("like-ml-latest-small")
    if real is None:
        _write_synthetic(folder)
    rows = (_data_rows(folder / name) for name in ("ratings.csv", "movies.csv", "tags.csv"))
    return RatingFiles(folder, *rows, real=real is not None)


def real_ratings() -> Path | None:
    """The folder of ml-latest-small; TEST_MOVIELENS names another, or `synthetic` to do without."""
    named = os.environ.get("TEST_MOVIELENS")
    if named == "synthetic":
        return None
    return next((folder for folder in ([Path(named)] if named else ML_LATEST_SMALL) if folder.is_dir()), None)


def _write_synthetic(folder: Path) -> None:
    made = synthetic.source(LIKE_ML_LATEST_SMALL)
    for name, table in (("ratings", made.ratings), ("movies", made.movies), ("tags", made.tags)):
        form = RawForm(table.columns.fields)
        text = [pa.table(list(text_of(batch, form).values()), names=table.columns.names) for batch in table.batches()]
        rows = pa.concat_tables(text)
        csv.write_csv(rows, folder / f"{name}.csv", csv.WriteOptions(quoting_style="needed"))


def _data_rows(path: Path) -> int:
    return csv.read_csv(path).num_rows


def pytest_report_header() -> str:
    """Say which ratings the end-to-end tests run on: real ones are not part of the project."""
    real = real_ratings()
    return f"end-to-end tests run on {real or 'synthetic ratings, as ml-latest-small is not here (reco data fetch)'}"


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
    dripping: bool = False

    def __post_init__(self) -> None:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                token = self.headers["Authorization"]
                stand_in.requests.append(SlackRequest(self.path, token, body["channel"], body["text"]))
                stand_in.free.wait(0 if stand_in.dripping else None)
                status, reply = stand_in.answer
                self.send_response(status)
                if stand_in.dripping:
                    self.send_header("Content-Length", "1000000")
                self.end_headers()
                while stand_in.dripping and not stand_in.free.wait(0.1):
                    self.wfile.write(b" ")
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

    def drip(self) -> None:
        """Answer from now on with a byte in each tenth of a second."""
        self.dripping = True
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

"""MLflow that does not answer costs its deadline once, whatever it does instead, and nothing afterwards."""

import fcntl
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from resources.calls.outside import shared_process
from resources.mlflow.mirror import MlflowTracking
from resources.mlflow.shown import VersionRecord
from resources.settings import load_settings

SECONDS = 1.0
VERSION = "20250101_000001"


@pytest.fixture(autouse=True)
def _mlflow_is_imported() -> None:
    """That takes seconds of its own, each time that a deadline ended the process that had done it."""
    shared_process("mlflow").call("resources.mlflow.client:import_all", seconds=120)


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port at which each connection gets this answer, in a thread of its own."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=50)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def say_nothing(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def drip(connection: socket.socket) -> None:
    """A byte in each tenth of a second: no single read takes long."""
    connection.recv(65_536)
    ended = threading.Event()
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        for _ in range(300):
            connection.sendall(b" ")
            ended.wait(0.1)
    except OSError:
        return


@contextmanager
def closed_port() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    yield port


@contextmanager
def dead_host() -> Iterator[int]:
    """A port whose backlog is full: the kernel drops what comes, as a host that is off does."""
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = []
        for _ in range(8):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(server.getsockname())
        yield server.getsockname()[1]
        for each in waiting:
            each.close()


AWAY: dict[str, tuple[str, Any]] = {
    "a server that is down": ("http://127.0.0.1:{}", closed_port),
    "a server that says nothing": ("http://127.0.0.1:{}", lambda: listening(say_nothing)),
    "a server that drips": ("http://127.0.0.1:{}", lambda: listening(drip)),
    "a host that is off": ("http://127.0.0.1:{}", dead_host),
    "a database that is down": ("postgresql://u:p@127.0.0.1:{}/mlflow", closed_port),
    "a database that says nothing": ("postgresql+psycopg2://u:p@127.0.0.1:{}/mlflow", lambda: listening(say_nothing)),
    "a database on a host that is off": ("postgresql://u:p@127.0.0.1:{}/mlflow", dead_host),
}


def three_calls(tracking: MlflowTracking, folder: Path) -> list[float]:
    """How long each of three different calls takes that all come to nothing, in seconds."""
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model" / "model.json").write_text("{}")
    calls: list[Callable[[], Any]] = [
        lambda: tracking.log_version(VersionRecord(VERSION, {}, {}, folder / "model")),
        lambda: tracking.mark_champion(VERSION),
        lambda: tracking.fetch_version(VERSION, folder),
    ]
    took = []
    for call in calls:
        began = time.monotonic()
        with pytest.warns(UserWarning, match="was left out"):
            assert call() is None
        took.append(time.monotonic() - began)
    return took


@pytest.mark.slow
@pytest.mark.parametrize("away", AWAY)
def test_the_deadline_is_paid_once_and_what_is_asked_next_is_left_out_at_once(away: str, tmp_path: Path) -> None:
    uri, other = AWAY[away]
    with other() as port:
        settings = load_settings(
            lakehouse_path=tmp_path, mlflow_tracking_uri=uri.format(port), mlflow_timeout_seconds=SECONDS
        )
        took = three_calls(MlflowTracking(settings), tmp_path)
    print(f"{away}: {', '.join(f'{seconds:.1f} s' for seconds in took)}")
    assert took[0] < 10  # a second is allowed, the rest is a busy machine
    assert max(took[1:]) < 0.5


def test_another_run_asks_again(tmp_path: Path) -> None:
    with closed_port() as port:
        settings = load_settings(lakehouse_path=tmp_path, mlflow_tracking_uri=f"http://127.0.0.1:{port}")
        first, second = MlflowTracking(settings), MlflowTracking(settings)
        with pytest.warns(UserWarning, match="was left out: "):
            first.mark_champion(VERSION)
        with pytest.warns(UserWarning, match="was left out: "):
            second.mark_champion(VERSION)


def test_after_the_deadline_nothing_more_is_sent(tmp_path: Path) -> None:
    ended = threading.Event()

    def take(connection: socket.socket) -> None:
        say_nothing(connection)
        ended.set()

    with listening(take) as port:
        settings = load_settings(
            lakehouse_path=tmp_path, mlflow_tracking_uri=f"http://127.0.0.1:{port}", mlflow_timeout_seconds=SECONDS
        )
        with pytest.warns(UserWarning, match="was left out"):
            MlflowTracking(settings).mark_champion(VERSION)
        assert ended.wait(5), "the connection is still open"


@contextmanager
def locked(database: Path) -> Iterator[None]:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


@pytest.mark.parametrize("whose", ["the lakehouse's own", "one that is named"])
def test_a_sqlite_file_that_another_keeps_locked_is_left_out_after_the_deadline(whose: str, tmp_path: Path) -> None:
    lake = load_settings(lakehouse_path=tmp_path, mlflow_timeout_seconds=SECONDS)
    own = MlflowTracking(lake)
    with pytest.warns(UserWarning, match="is not registered"):  # makes the file
        own.mark_champion(VERSION)
    database = tmp_path / "mlflow" / "mlflow.db"
    named = load_settings(
        lakehouse_path=tmp_path, mlflow_tracking_uri=f"sqlite:///{database}", mlflow_timeout_seconds=SECONDS
    )
    tracking = MlflowTracking(lake if whose == "the lakehouse's own" else named)
    with locked(database):
        took = three_calls(tracking, tmp_path)
    assert took[0] < 10
    assert max(took[1:]) < 0.5


def test_a_store_that_another_process_never_ends_making_is_no_reason_to_wait_for_long(tmp_path: Path) -> None:
    """Whoever makes the tables holds a lock; one who finds them there needs none."""
    lake = load_settings(lakehouse_path=tmp_path, mlflow_timeout_seconds=SECONDS)
    with pytest.warns(UserWarning, match="is not registered"):
        MlflowTracking(lake).mark_champion(VERSION)
    with (tmp_path / "mlflow" / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        shared_process("mlflow").stop()
        assert MlflowTracking(lake).log_run("a", {}, {})


@pytest.mark.parametrize(
    ("uri", "page"),
    [
        ("https://me:secret@mlflow.example/base/", "https://mlflow.example/base/#/runs/r1"),
        ("", "http://127.0.0.1:5000/#/runs/r1"),
    ],
)
def test_a_run_has_a_page_on_the_server_or_where_the_local_store_is_shown(tmp_path: Path, uri: str, page: str) -> None:
    settings = load_settings(lakehouse_path=tmp_path, **({"mlflow_tracking_uri": uri} if uri else {}))
    assert MlflowTracking(settings).page_of("r1") == page

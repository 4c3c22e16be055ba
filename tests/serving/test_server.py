"""The server itself: its address, its end, and another champion under load, which costs no request."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError

import pytest

from reco_assets.serving.server import Address, AddressError, serve
from tests.serving.conftest import FIRST, SECOND, STRANGER, Served

REQUESTS_AFTER = 50  # of the new champion alone, by each client
CLIENTS = 4


def start(served: Served) -> "subprocess.Popen[str]":
    """`reco serve` of a lakehouse, by two workers."""
    storage = served.settings.storage
    environment = os.environ | {"LAKEHOUSE_PATH": str(storage.root), "RECO_CACHE_PATH": str(storage.cache)}
    command = [str(Path(sys.executable).with_name("reco")), "serve", "--port", "0", "--workers", "2"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@contextmanager
def running(served: Served) -> Iterator[str]:
    """`reco serve` of a lakehouse, by two workers; gives its address. It has to end well on SIGTERM."""
    process = start(served)
    try:
        assert process.stdout
        yield process.stdout.readline().split()[2].rstrip(";")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def version_of(url: str, user: int) -> str:
    """Which version answers. Raises `OSError` on a request that fails."""
    with urllib.request.urlopen(f"{url}/recommendations/{user}", timeout=30) as answer:
        return str(json.load(answer)["model_version"])


def status_as(host: str, url: str) -> int:
    """How a request is answered that calls the server by another name."""
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{url}/health", headers={"Host": host})) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_an_address_that_is_taken_is_named_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressError, match=rf"127\.0\.0\.1:{port} can't be listened on.*--port"):
            serve(Address("127.0.0.1", port), 1, print)


@pytest.mark.slow
def test_another_champion_comes_to_serve_under_load_without_a_failed_request(
    make_served: Callable[[], Served],
) -> None:
    served = make_served()
    answered = Counter[str]()
    failed: list[OSError] = []

    with running(served) as url:
        began = threading.Barrier(CLIENTS + 1)

        def ask() -> None:
            began.wait()
            in_a_row = 0
            while in_a_row < REQUESTS_AFTER and not failed:
                try:
                    version = version_of(url, STRANGER)
                except OSError as error:
                    failed.append(error)
                    return
                answered[version] += 1
                in_a_row = in_a_row + 1 if version == SECOND else 0

        clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
        for each in clients:
            each.start()
        assert version_of(url, STRANGER) == FIRST
        assert status_as("evil.example", url) == 403
        began.wait()
        served.store.promote(SECOND, "better")
        for each in clients:
            each.join(60)
        assert not any(each.is_alive() for each in clients)
    assert failed == []
    assert answered[FIRST] > 0
    assert answered[SECOND] >= CLIENTS * REQUESTS_AFTER


@pytest.mark.slow
def test_workers_end_with_a_killed_parent_and_leave_the_port(served: Served) -> None:
    process = start(served)
    assert process.stdout
    url = process.stdout.readline().split()[2].rstrip(";")
    assert version_of(url, STRANGER) == FIRST
    process.kill()
    assert process.stdout.read() == ""  # each worker holds this pipe open as long as it lives
    process.wait()
    with pytest.raises(OSError, match="refused"):
        version_of(url, STRANGER)

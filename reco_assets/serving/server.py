"""The server: one socket, worker processes that answer from it, and a guard before them."""

import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import parent_process
from typing import TYPE_CHECKING, Any

from resources.errors import RecoError
from resources.text.json_lines import JsonLines

if TYPE_CHECKING:
    from reco_assets.web.guard import App

SHARED_NUMBERS = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own variable
WAITING = 2048  # connections that no worker has taken yet


class AddressError(RecoError):
    """The address can't be listened on; the message names it and says what to do."""


@dataclass(frozen=True)
class Address:
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int


def serve(address: Address, workers: int, tell: Callable[[str], None]) -> None:
    """Serve the lakehouse of the environment's settings until Ctrl-C or SIGTERM; requests under way are answered.

    A worker that dies is started anew. `tell` hears the address once connections are taken. Raises `AddressError`.
    """
    from uvicorn import Config
    from uvicorn.supervisors import Multiprocess

    with tempfile.TemporaryDirectory(prefix="reco-serve-") as numbers, _listening(address) as listening:
        os.environ[SHARED_NUMBERS] = numbers
        config = Config(
            partial(worker_app, address.host),
            factory=True,
            workers=workers,
            log_level="warning",
            log_config=_log_config(),
            access_log=False,  # /metrics counts requests; a line for each would cost as much as a short answer
            server_header=False,
            timeout_worker_healthcheck=60,  # a process that makes arrays on a busy machine is not hung
        )
        tell("http://{}:{}".format(*listening.getsockname()[:2]))
        Multiprocess(config, [listening]).run()


def worker_app(host: str) -> "App":
    """What one worker process runs: the application behind the guard that Dagster's web server has, too."""
    from threadpoolctl import threadpool_limits

    from reco_assets.serving.app import make_app
    from reco_assets.web.guard import allowed_hosts, guarded
    from resources.settings import load_settings
    from resources.tables.lakehouse import Lakehouse

    threading.Thread(target=_end_with_parent, daemon=True).start()
    threadpool_limits(1, "blas")  # requests are what runs side by side
    settings = load_settings()
    return guarded(make_app(Lakehouse.open(settings)), allowed_hosts(host, settings.serving.web_hosts.split(",")))


def _end_with_parent() -> None:
    """End this worker when the process that would start it anew is gone, however that ended: it holds the port."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _log_config() -> dict[str, Any]:
    """Uvicorn's own, with JSON lines where the settings say so."""
    from uvicorn.config import LOGGING_CONFIG

    from resources.settings import load_settings

    if load_settings().logs.format != "json":
        return LOGGING_CONFIG
    return LOGGING_CONFIG | {"formatters": {name: {"()": JsonLines} for name in LOGGING_CONFIG["formatters"]}}


@contextmanager
def _listening(address: Address) -> Iterator[socket.socket]:
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((address.host, address.port), family=family, backlog=WAITING)
    except OSError as error:
        raise AddressError(
            f"{address.host}:{address.port} can't be listened on: {error.strerror or error}. "
            "Give another --host or --port, or end what listens there."
        ) from None
    with listening:
        listening.set_inheritable(True)
        yield listening

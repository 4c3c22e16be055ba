"""A light client of HTTP servers: many connections in one process, whose share of the cores is the server's loss.

A request takes it about 30 µs of one core. Connections are kept alive; each has one request under way.
"""

import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

END_OF_HEADERS, LENGTH = b"\r\n\r\n", b"content-length: "


class AnswerError(Exception):
    """The server answered with another status than 200, or hung up; the message is its first bytes."""


@dataclass(frozen=True)
class Load:
    """Requests as they are sent, taken in turn, by so many connections for so long.

    rate: how many a second; None: as many as are answered.
    """

    requests: Sequence[bytes]
    connections: int
    seconds: float
    rate: float | None = None


@dataclass(frozen=True)
class Took:
    """Answers a second, and the time to one in milliseconds: half of them, 99 of 100 and 999 of 1,000 took no longer.

    Where requests come at a rate, the time of one begins when it was due, also where no connection was free.
    """

    per_second: float
    p50: float
    p99: float
    p999: float


@dataclass
class _Connection:
    socket: socket.socket
    since: float = 0.0
    received: bytes = field(default=b"")


def put_load(host: str, port: int, load: Load) -> Took:
    """Send the load. Raises `AnswerError` at the first request that fails."""
    selector = selectors.DefaultSelector()
    free: list[_Connection] = []
    for _ in range(load.connections):
        connection = _Connection(socket.create_connection((host, port)))
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        free.append(connection)
    began = time.perf_counter()
    due, times, sent = _due(began, load), list[float](), 0
    following = next(due, None)
    while following is not None or len(free) < load.connections:
        now = time.perf_counter()
        while free and following is not None and following <= now:
            connection = free.pop()
            connection.since, connection.received = following if load.rate else now, b""
            connection.socket.sendall(load.requests[sent % len(load.requests)])
            sent, following = sent + 1, next(due, None)
        waiting = None if following is None or not free else max(0.0, following - time.perf_counter())
        for key, _ in selector.select(waiting):
            if _is_whole(key.data):
                times.append(time.perf_counter() - key.data.since)
                free.append(key.data)
    lasted = time.perf_counter() - began
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    return Took(len(times) / lasted, *(np.percentile(times, [50, 99, 99.9]) * 1000).tolist())


def _due(began: float, load: Load) -> Iterator[float]:
    """When each request is due."""
    if load.rate is None:
        while (now := time.perf_counter()) < began + load.seconds:
            yield now
    else:
        yield from (began + at / load.rate for at in range(int(load.seconds * load.rate)))


def _is_whole(connection: _Connection) -> bool:
    """Whether the answer has come, after what has come now."""
    came = connection.socket.recv(1 << 16)
    connection.received += came
    if not came or not connection.received.startswith(b"HTTP/1.1 200"):
        raise AnswerError(connection.received[:500].decode(errors="replace"))
    headers, found, body = connection.received.partition(END_OF_HEADERS)
    if not found:
        return False
    length: Any = headers[headers.index(LENGTH) + len(LENGTH) :].split(b"\r\n", 1)[0]
    return len(body) >= int(length)

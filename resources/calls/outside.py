"""Calls of what lies outside the platform, each in a process beside it that ends when its time is up.

A thread would not do: it cannot be ended, so it could act long after everyone thought it had failed, and a timeout of
a library is one of a single read, which a server that sends a byte now and then never runs into.
"""

import atexit
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from multiprocessing.connection import Connection, Pipe
from typing import Any

from resources.errors import RecoError
from resources.garbage import search_rarely

STARTUP_SECONDS = 120.0  # of Python and the libraries, on a busy machine: nobody outside is asked for anything yet
_PARENT: list[Connection] = []  # in the process beside: where `step` reports to


class OutsideError(RecoError):
    """A call failed. `kind` is the name of the exception's class; `unreachable`: nobody answered, or not in time."""

    def __init__(self, message: str, kind: str = "", unreachable: bool = False) -> None:
        super().__init__(message)
        self.kind, self.unreachable = kind, unreachable


@dataclass
class OutsideProcess:
    """A process that calls functions, one at a time. It starts with the first call and is ended when one is late."""

    errors_to: int | None = subprocess.DEVNULL  # what matters comes back as an error; other lines may hold a password
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _process: "subprocess.Popen[bytes] | None" = None
    _connection: Connection | None = None
    _owner: int = 0

    def begin(self, function: str, *arguments: Any) -> None:
        """Start the process, where it isn't there, with a call whose end nobody awaits; the next call waits for it."""
        with self._lock:
            if self._is_mine():
                return
            try:
                self._started().send((function, arguments, False))
            except OSError:  # it ended at once: the next call says so
                self.stop()

    def call(self, function: str, *arguments: Any, seconds: float) -> Any:
        """Call `module:name` there and return what it returns. Raises `OutsideError`.

        Args:
            function: Where the function is; its module is imported in the process.
            arguments: What it is given; they and what it returns must be picklable.
            seconds: How long it may take, and how long from each `step` on that it says it takes.
        """
        with self._lock:
            try:
                return self._call(function, arguments, seconds)
            except OutsideError:
                raise
            except BaseException:  # Ctrl-C: what was begun must not go on
                self.stop()
                raise

    def stop(self) -> None:
        """End the process at once, whatever it does."""
        with self._lock:
            process, connection, own = self._process, self._connection, self._owner == os.getpid()
            self._process = self._connection = None
            if connection is not None:
                connection.close()
            if process is not None and own:
                process.kill()
                process.wait()

    def _call(self, function: str, arguments: tuple[Any, ...], seconds: float) -> Any:
        connection = self._started()
        left = STARTUP_SECONDS
        try:
            connection.send((function, arguments, True))
            while connection.poll(left):
                kind, *content = connection.recv()
                if kind == "result":
                    return content[0]
                if kind == "error":
                    raise OutsideError(*content)
                left = seconds if content[0] is None else content[0]
        except (EOFError, OSError):
            self.stop()
            raise OutsideError("the process that asked it ended unexpectedly", "EOFError") from None
        self.stop()
        raise OutsideError(f"there was no answer within {left:g} s", "TimeoutError", unreachable=True)

    def _is_mine(self) -> bool:
        return self._connection is not None and self._owner == os.getpid()

    def _started(self) -> Connection:
        if self._connection is not None and self._is_mine():
            return self._connection
        self._connection, theirs = Pipe()
        with theirs:
            # A program without a file Spark's client, which MLflow imports, takes for its own tests, and ends it.
            code = f"__file__ = {__file__!r}; import sys; sys.path[:] = {sys.path!r}"
            code = f"{code}; from resources.calls.outside import serve; serve({theirs.fileno()}, {os.getpid()})"
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self.errors_to,
                start_new_session=True,
            )
        self._owner = os.getpid()
        atexit.register(self.stop)
        return self._connection


@cache
def shared_process(_: str) -> OutsideProcess:
    """The one process in which this one asks a service, by its name, so that its library is imported once."""
    return OutsideProcess()


def call_once(function: str, *arguments: Any, seconds: float, shown: bool = False) -> Any:
    """`OutsideProcess.call` in a process that ends with the call; `shown`: what it writes to standard error is seen."""
    process = OutsideProcess(errors_to=None if shown else subprocess.DEVNULL)
    try:
        return process.call(function, *arguments, seconds=seconds)
    finally:
        process.stop()


def step(seconds: float | None = None) -> None:
    """Say, within a called function, that the next step begins, and how long it may take (None: as long as a call)."""
    for parent in _PARENT:
        parent.send(("step", seconds))


def serve(descriptor: int, parent: int) -> None:
    """Call what is asked for, until the process that asks is gone."""
    search_rarely()  # MLflow's libraries come in 1.4 s of processor time instead of 1.8
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    connection = Connection(descriptor)
    _PARENT.append(connection)
    while True:
        try:
            function, arguments, awaited = connection.recv()
        except EOFError:
            os._exit(0)
        answer = _answer(function, arguments)
        if awaited:
            connection.send(answer)


def _answer(function: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    try:
        module, name = function.split(":")
        called: Callable[..., Any] = getattr(import_module(module), name)
        step()
        return "result", called(*arguments)
    except Exception as error:
        return "error", str(error) or type(error).__name__, type(error).__name__, nobody_answered(error)


def nobody_answered(error: BaseException | None) -> bool:
    """Whether an exception, or one that it comes from, is a connection's: of requests, a database's driver or ours."""
    if error is None:
        return False
    if isinstance(error, FileNotFoundError | PermissionError | FileExistsError):
        return False
    if isinstance(error, OSError) or type(error).__name__ == "OperationalError":
        return True
    return nobody_answered(error.__cause__ or error.__context__)


def _end_with(parent: int) -> None:
    """End this process when the other is gone, however that ended: another's children may hold its pipe open."""
    waiting = threading.Event()
    while os.getppid() == parent:
        waiting.wait(0.5)
    os._exit(0)

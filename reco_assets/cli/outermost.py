"""The outermost handler of `reco`: whatever ends a command early is one line with what to do, and an exit code."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

import typer

from resources.errors import ForeignError, RecoError
from resources.plain_errors import explain
from resources.text.masking import masked

DEBUG = "RECO_DEBUG"
BY_SIGNAL = 128  # what shells add to the number of a signal
STOPPING = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


def run_guarded(command: Callable[[], None]) -> None:
    """Run a command that ends by `SystemExit`.

    Every other end becomes one: an error after one line (all of it with RECO_DEBUG=1) with 1, Ctrl-C with 130 and
    SIGTERM with 143.
    """
    with _signals() as received:
        try:
            command()
        except KeyboardInterrupt:
            _stopped(received)
        except SystemExit as ended:
            if ended.code != BY_SIGNAL + signal.SIGINT:
                raise
            _stopped(received)
        except BaseException as error:  # Rust's panics are no Exception
            _failed(error)


def _failed(error: BaseException) -> NoReturn:
    if os.environ.get(DEBUG, "") not in ("", "0"):
        sys.stderr.write(masked("".join(traceback.format_exception(error))))
    hint = "" if isinstance(error, RecoError) and not isinstance(error, ForeignError) else f" ({DEBUG}=1 shows where.)"
    typer.secho(f"error: {explain(error)}{hint}", fg=typer.colors.RED, err=True)
    sys.exit(1)


def _stopped(received: Callable[[], int | None]) -> NoReturn:
    number = received() or signal.SIGINT
    told = f"stopped by {STOPPING[signal.Signals(number)]}: what was not finished is as it was before. Start it again."
    typer.secho(told, fg=typer.colors.RED, err=True)
    sys.exit(BY_SIGNAL + number)


@contextmanager
def _signals() -> Iterator[Callable[[], int | None]]:
    """Let SIGTERM end a command as Ctrl-C does; gives what tells which of them came last.

    Dagster replaces the handlers while a step runs, so the number is taken from where Python writes it whoever handles
    the signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    before = signal.signal(signal.SIGTERM, _interrupt)

    def last() -> int | None:
        came: list[int] = []
        with suppress(BlockingIOError):
            came = [number for number in os.read(reader, 4096) if number in STOPPING]
        return came[-1] if came else None

    try:
        yield last
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.set_wakeup_fd(wakeup)
        os.close(reader)
        os.close(writer)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt

"""Programs that outlive who started them: each in a folder of its own, which knows its process until it is ended."""

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, SIGTERM

import psutil

from resources.errors import RecoError
from resources.files import write_text_atomically

START_SECONDS, STOP_SECONDS, POLL_SECONDS = 120.0, 30.0, 0.1
LOG_LINES = 8


class StartError(RecoError):
    """A program does not start; the message says which, and the end of its log."""


@dataclass(frozen=True)
class Program:
    """What is started, in which folder, with which variables and no others, and what says that it is ready.

    The folder holds its log, and below `work`, `home`, `tmp` and `local` what the program leaves.
    """

    folder: Path
    command: Sequence[str]
    variables: Mapping[str, str]
    is_ready: Callable[[], bool]

    @property
    def scratch(self) -> list[Path]:
        """Folders of its own, which it starts with empty."""
        return [self.folder / name for name in ("work", "home", "tmp", "local")]


def start(programs: Sequence[Program]) -> None:
    """Start those that don't run, side by side, and return once all are ready. Raises `StartError`."""
    for program in programs:
        if process_of(program.folder) is None:
            _start(program)
    for program in programs:
        _await(program)


def end(programs: Sequence[Program]) -> list[str]:
    """End those that run and what they started, in good order; kill what doesn't end. Return their folders' names."""
    running = {program.folder.name: process for program in programs if (process := process_of(program.folder))}
    family = {child for process in running.values() for child in process.children(recursive=True)}
    for process in running.values():
        process.send_signal(SIGTERM)
    _, left = psutil.wait_procs([*family, *running.values()], STOP_SECONDS)
    for process in left:
        process.send_signal(SIGKILL)
    psutil.wait_procs(left, STOP_SECONDS)
    for program in programs:
        for folder in program.scratch:
            shutil.rmtree(folder, ignore_errors=True)
        (program.folder / "pid").unlink(missing_ok=True)
    return list(running)


def process_of(folder: Path) -> psutil.Process | None:
    """The process that was started for a folder, if it still runs."""
    try:
        pid, born = (folder / "pid").read_text().split()
        process = psutil.Process(int(pid))
        # Another process may get the number of one that is gone.
        runs = process.create_time() == float(born) and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, psutil.Error):
        return None
    return process if runs else None


def _start(program: Program) -> None:
    for folder in program.scratch:
        folder.mkdir(parents=True, exist_ok=True)
    with (program.folder / "log").open("wb") as log:
        process = subprocess.Popen(
            program.command,
            cwd=program.folder / "work",
            env=dict(program.variables),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    write_text_atomically(program.folder / "pid", f"{process.pid} {psutil.Process(process.pid).create_time()}")


def _await(program: Program) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not program.is_ready() or process_of(program.folder) is None:
        gone = process_of(program.folder) is None
        if gone or time.monotonic() > deadline:
            lines = (program.folder / "log").read_text(errors="replace").splitlines()[-LOG_LINES:]
            how = "ended" if gone else f"was not ready within {START_SECONDS:.0f} s"
            told = f"{program.folder.name} {how}. The end of {program.folder / 'log'}:"
            raise StartError("\n".join([told, *lines]))
        time.sleep(POLL_SECONDS)

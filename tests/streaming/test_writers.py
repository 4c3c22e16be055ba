"""Whether somebody has a file open for writing, asked of the kernel while real processes do."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reco_assets.streaming import writers
from reco_assets.streaming.writers import Look, Writers

OPENS = {
    "append": "file = open(path, 'a')",
    "truncate": "file = open(path, 'w')",
    "update": "file = open(path, 'r+')",
    "map": "import mmap; file = open(path, 'r+'); kept = mmap.mmap(file.fileno(), 0); file.close()",
}


@contextmanager
def process(code: str, path: Path) -> Iterator[subprocess.Popen]:
    """A process that runs the code on the path, says so, and ends when its input does."""
    code = f"import sys; path = sys.argv[1]; {code}; print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=-1, stdout=-1, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        yield child


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "a.csv"
    made.write_text("DATE,CUST_ID,MOVIE_ID,RATING\n")
    return made


@pytest.fixture
def asked(path: Path) -> Iterator[Callable[[], Writers]]:
    handle = os.open(path, os.O_RDONLY)
    yield lambda: Look().writers(handle)
    os.close(handle)


@pytest.mark.parametrize("how", OPENS)
def test_a_process_that_has_the_file_open_for_writing_is_seen_until_it_ends(
    path: Path, asked: Callable[[], Writers], how: str
) -> None:
    with process(OPENS[how], path):
        assert asked() is Writers.SOME
    assert asked() is Writers.NONE


def test_a_process_that_reads_the_file_is_no_writer(path: Path, asked: Callable[[], Writers]) -> None:
    with process("file = open(path)", path):
        assert asked() is Writers.NONE


@pytest.fixture
def without_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(writers.fcntl, "fcntl", refuse)


@pytest.mark.usefixtures("without_leases")
@pytest.mark.parametrize("how", ["append", "truncate", "update"])
def test_where_there_are_no_leases_the_open_files_of_processes_are_looked_through(
    path: Path, asked: Callable[[], Writers], how: str
) -> None:
    with process(OPENS[how], path):
        assert asked() is Writers.SOME
    assert asked() is not Writers.SOME


@pytest.mark.usefixtures("without_leases")
def test_without_leases_and_without_proc_nothing_is_known(
    asked: Callable[[], Writers], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "PROCESSES", tmp_path / "none")
    assert asked() is Writers.UNKNOWN


def test_on_a_file_system_that_is_shared_a_lease_proves_nothing(
    path: Path, asked: Callable[[], Writers], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"36 35 {os.major(device)}:{os.minor(device)} / /mnt rw - nfs4 server:/export rw\n")
    monkeypatch.setattr(writers, "MOUNTS", mounts)
    assert asked() is Writers.UNKNOWN
    with process(OPENS["append"], path):
        assert asked() is Writers.SOME


def test_a_process_that_opens_the_file_at_that_very_moment_neither_fails_nor_ends_the_platform(
    path: Path, asked: Callable[[], Writers]
) -> None:
    code = "\nfor _ in range(20_000): open(path, 'a').close()\nprint('done', flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", f"import sys; path = sys.argv[1]{code}", str(path)], stdout=-1, text=True
    ) as child:
        answers, deadline = set(), time.monotonic() + 30
        while child.poll() is None and time.monotonic() < deadline:
            answers.add(asked())
        assert child.stdout is not None
        assert (child.wait(), child.stdout.read()) == (0, "done\n")
    assert answers == {Writers.NONE, Writers.SOME}

"""Names made from the clock belong to one process each, from before its work until it ends, however it ends."""

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from resources.files import hidden_beside
from resources.locking.reservations import NameTakenError, reserved_path, reserved_stamp

NOON = datetime(2025, 1, 1, 12, 0, 0, tzinfo=UTC)
HOLD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from resources.files import hidden_beside
from resources.locking.reservations import reserved_stamp
folder = Path(sys.argv[1])
with reserved_stamp(lambda stamp: [folder / stamp], datetime(2025, 1, 1, 12, tzinfo=UTC)) as stamp:
    hidden_beside(folder / stamp).mkdir()
    print(stamp, flush=True)
    sys.stdin.readline()
"""


def hold(folder: Path) -> "subprocess.Popen[str]":
    """A process that reserves a name and keeps it until it reads a line."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_a_free_name_is_the_time(tmp_path: Path) -> None:
    with reserved_stamp(lambda stamp: [tmp_path / stamp], NOON) as stamp:
        assert stamp == "20250101_120000"


def test_what_is_there_already_takes_the_name_even_as_a_broken_link(tmp_path: Path) -> None:
    (tmp_path / "20250101_120000").symlink_to(tmp_path / "nowhere")
    with reserved_stamp(lambda stamp: [tmp_path / stamp], NOON) as stamp:
        assert stamp == "20250101_120000_2"


def test_a_name_is_free_only_where_all_that_is_made_under_it_is(tmp_path: Path) -> None:
    (tmp_path / "20250101_120000.html").touch()
    with reserved_stamp(lambda stamp: [tmp_path / f"{stamp}.json", tmp_path / f"{stamp}.html"], NOON) as stamp:
        assert stamp == "20250101_120000_2"


def test_nothing_is_left_of_a_reservation(tmp_path: Path) -> None:
    with reserved_stamp(lambda stamp: [tmp_path / stamp], NOON):
        assert hidden(tmp_path) == [".20250101_120000.reserved"]
    assert hidden(tmp_path) == []


def test_a_path_that_another_makes_is_refused(tmp_path: Path) -> None:
    with (
        reserved_path(tmp_path / "model"),
        pytest.raises(NameTakenError, match="model is being made by another process"),
        reserved_path(tmp_path / "model"),
    ):
        pytest.fail("two cannot have it")


def test_processes_at_once_have_a_name_each_and_a_killed_one_leaves_its_name_and_its_half_done_work_to_the_next(
    tmp_path: Path,
) -> None:
    processes = [hold(tmp_path) for _ in range(4)]
    try:
        names = {line_of(process): process for process in processes}
        assert names.keys() == {"20250101_120000", *(f"20250101_120000_{number}" for number in (2, 3, 4))}
        names["20250101_120000_2"].send_signal(signal.SIGKILL)
        names["20250101_120000_2"].wait(10)
        with reserved_stamp(lambda stamp: [tmp_path / stamp], NOON) as stamp:
            assert stamp == "20250101_120000_2"
            assert not list(tmp_path.glob(".20250101_120000_2.????????????????????????????????"))
            assert len(list(tmp_path.glob(".20250101_120000*.????????????????????????????????"))) == 3
    finally:
        for process in processes:
            process.communicate("\n", timeout=10)


def test_only_what_a_reservation_names_is_removed_with_it(tmp_path: Path) -> None:
    kept = [tmp_path / ".other.reserved.txt", hidden_beside(tmp_path / "20250101_1"), tmp_path / "a"]
    for path in kept:
        path.mkdir()
    (tmp_path / ".20250101_.reserved").touch()
    (tmp_path / ".link.reserved").symlink_to(tmp_path / "a")
    with reserved_path(tmp_path / "b"):
        pass
    assert all(path.is_dir() for path in kept)
    assert not (tmp_path / ".20250101_.reserved").exists()

"""Programs that write slowly, go on writing, or write anew: no row of theirs is lost, and none is taken twice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reco_assets.batches.receipts import receipts
from reco_assets.streaming import intake_run
from reco_assets.streaming.claims import claimed_files
from reco_assets.streaming.intake import IntakeResult, take_in
from reco_assets.streaming.writers import Look, Writers
from reco_assets.tables import STREAM_QUARANTINE, STREAM_RATINGS
from resources.tables.lakehouse import Lakehouse

RATINGS, QUARANTINE = STREAM_RATINGS.name, STREAM_QUARANTINE.name
HEADER = "DATE,CUST_ID,MOVIE_ID,RATING\n"
TAKE_IN = "reco_assets.streaming.intake:take_in"
QUIET = 3600
AFTER_ARCHIVING = ("archived", "ratings_staged", "quarantine_staged", "receipt_written")

# Opens the path once, then writes each line it is sent, and truncates where that says so.
_WRITER = """
import sys
file = open(sys.argv[1], sys.argv[2])
for line in sys.stdin:
    if line == "truncate\\n":
        file.seek(0); file.truncate()
    else:
        file.write(line)
    file.flush()
    print("written", flush=True)
"""


class Writer:
    """A process that keeps a file open and writes what it is told, when it is told."""

    def __init__(self, path: Path, mode: str) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path), mode], stdin=-1, stdout=-1, text=True, bufsize=1
        )

    def write(self, *lines: str) -> None:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        for line in lines:
            self.child.stdin.write(line)
            assert self.child.stdout.readline() == "written\n"

    def close(self) -> None:
        self.child.communicate(timeout=30)
        assert self.child.returncode == 0


@pytest.fixture
def writer(landing: Path) -> Iterator[Callable[..., Writer]]:
    started = []

    def start(name: str = "slow.csv", mode: str = "w") -> Writer:
        started.append(Writer(landing / name, mode))
        return started[-1]

    yield start
    for each in started:
        if each.child.poll() is None:
            each.child.kill()
            each.child.wait()


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no writer can be seen: another user's file, another machine's program."""
    monkeypatch.setattr(Look, "writers", lambda *_: Writers.UNKNOWN)


@pytest.fixture
def patient(make_lakehouse: Callable[..., Lakehouse]) -> Lakehouse:
    return make_lakehouse(intake_quiet_seconds=QUIET)


@pytest.fixture
def users(table_rows: Callable) -> Callable[[], list[int]]:
    return lambda: [user for (user,) in table_rows(RATINGS, "user_id")]


def row(user: int) -> str:
    return f"2005-09-06,{user},42,4\n"


# Seen


@pytest.mark.parametrize("mode", ["w", "a"])
def test_a_file_is_not_taken_while_a_process_has_it_open_and_is_taken_whole_after_that(
    lakehouse: Lakehouse, writer: Callable, users: Callable, landing: Path, mode: str
) -> None:
    slow = writer(mode=mode)
    slow.write(HEADER, row(1), row(2))
    taken = take_in(lakehouse)
    assert (taken, [str(file.reason) for file in taken.not_taken]) == (
        IntakeResult(),
        ["a process has it open for writing"],
    )
    slow.write(row(3))
    slow.close()
    assert [receipt.good for receipt in take_in(lakehouse).received] == [3]
    assert (users(), list(landing.glob("*.csv")), claimed_files(landing)) == ([1, 2, 3], [], [])


def test_a_file_that_is_truncated_and_rewritten_in_place_is_taken_as_it_ends(
    lakehouse: Lakehouse, writer: Callable, users: Callable
) -> None:
    slow = writer()
    slow.write(HEADER, row(1))
    slow.write("truncate\n", HEADER)
    take_in(lakehouse)
    slow.write(row(2))
    slow.close()
    take_in(lakehouse)
    assert users() == [2]


def test_the_done_file_does_not_let_a_file_be_taken_that_is_still_written(
    lakehouse: Lakehouse, writer: Callable, users: Callable, landing: Path
) -> None:
    slow = writer()
    slow.write(HEADER, row(1))
    (landing / "slow.csv.done").touch()
    assert take_in(lakehouse) == IntakeResult()
    slow.write(row(2))
    slow.close()
    take_in(lakehouse)
    assert users() == [1, 2]


def test_a_file_renamed_into_place_after_the_claim_is_a_batch_of_its_own(
    lakehouse: Lakehouse, drop: Callable, users: Callable, landing: Path, run_apart: Callable
) -> None:
    drop("current.csv", row(1).strip())
    [ended] = run_apart(TAKE_IN, lakehouse, crash_at=["claimed"])
    assert ended.code == -signal.SIGKILL
    drop("_next", row(2).strip()).rename(landing / "current.csv")
    take_in(lakehouse)
    assert (users(), len(receipts(lakehouse.root))) == ([1, 2], 2)


def test_a_claimed_file_that_a_process_opened_at_the_last_moment_waits_for_it(
    lakehouse: Lakehouse, drop: Callable, users: Callable, landing: Path, run_apart: Callable
) -> None:
    drop("a.csv", row(1).strip())
    drop("b.csv", row(9).strip())
    [ended] = run_apart(TAKE_IN, lakehouse, crash_at=["claimed"])
    assert ended.code == -signal.SIGKILL
    [claimed] = claimed_files(landing)
    with claimed.open("a") as file:
        [left] = take_in(lakehouse).not_taken
        assert (left.name, users()) == (str(claimed.relative_to(landing)), [9])
        file.write(row(2))
    take_in(lakehouse)
    assert (users(), claimed_files(landing)) == ([1, 2, 9], [])


# Not seen


@pytest.mark.usefixtures("blind")
def test_what_is_added_after_the_claim_by_a_process_that_cannot_be_seen_is_a_batch_of_its_own(
    patient: Lakehouse, make_lakehouse: Callable, writer: Callable, users: Callable, landing: Path
) -> None:
    slow = writer()
    slow.write(HEADER, row(1), row(2))
    [first] = take_in(patient).received
    slow.write(row(3), "oops\n")
    [second] = take_in(patient).received
    slow.write(row(4))
    slow.close()
    [third] = take_in(patient).received
    assert [(each.good, each.quarantined, each.lines) for each in (first, second, third)] == [
        (2, 0, 2),
        (1, 1, 2),
        (1, 0, 1),
    ]
    archived = patient.path("stream", "archive", f"{second.batch}.csv")
    assert archived.read_text() == HEADER + row(3) + "oops\n"
    assert (users(), len(claimed_files(landing))) == ([1, 2, 3, 4], 1)
    take_in(make_lakehouse(intake_quiet_seconds=0))
    assert (users(), claimed_files(landing), list((landing / "_claimed").iterdir())) == ([1, 2, 3, 4], [], [])


@pytest.mark.usefixtures("blind")
def test_a_line_that_was_cut_when_it_was_taken_comes_again_whole(
    patient: Lakehouse, writer: Callable, table_rows: Callable, landing: Path
) -> None:
    slow = writer()
    slow.write(HEADER, row(1))
    (landing / "slow.csv.done").touch()
    os.truncate(landing / "slow.csv", len(HEADER + row(1)) - 1)  # without its newline
    take_in(patient)
    with claimed_files(landing)[0].open("a") as file:
        file.write(".5\n" + row(2))
    take_in(patient)
    assert table_rows(RATINGS, "user_id", "rating") == [(1, 4.0), (1, 4.5), (2, 4.0)]


@pytest.mark.usefixtures("blind")
def test_a_file_that_is_written_anew_after_it_was_taken_is_taken_whole_again(
    patient: Lakehouse, writer: Callable, users: Callable
) -> None:
    slow = writer()
    slow.write(HEADER, row(1), row(2))
    take_in(patient)
    slow.write("truncate\n", HEADER, row(7))
    slow.close()
    take_in(patient)
    assert users() == [1, 2, 7]


@pytest.mark.parametrize("step", AFTER_ARCHIVING)
@pytest.mark.parametrize("change", ["append", "rewrite", "none"])
def test_a_run_killed_after_archiving_a_file_that_then_changes_loses_and_doubles_nothing(
    *, lakehouse: Lakehouse, drop: Callable, users: Callable, landing: Path, run_apart: Callable, step: str, change: str
) -> None:
    drop("a.csv", row(1).strip(), row(2).strip())
    [ended] = run_apart(TAKE_IN, lakehouse, crash_at=[step])
    assert ended.code == -signal.SIGKILL
    [claimed] = claimed_files(landing)
    if change == "append":
        with claimed.open("a") as file:
            file.write(row(3))
    elif change == "rewrite":
        claimed.write_text(HEADER + row(3))
    take_in(lakehouse)
    assert (users(), claimed_files(landing)) == ([1, 2] if change == "none" else [1, 2, 3], [])
    assert sum(receipt.good for receipt in receipts(lakehouse.root)) == len(users())


@pytest.mark.parametrize("step", AFTER_ARCHIVING)
def test_a_run_killed_while_it_takes_what_was_added_is_finished_by_the_next_one(
    *, lakehouse: Lakehouse, drop: Callable, users: Callable, landing: Path, run_apart: Callable, step: str
) -> None:
    drop("a.csv", row(1).strip())
    assert run_apart(TAKE_IN, lakehouse, crash_at=["receipt_written"])[0].code == -signal.SIGKILL
    [claimed] = claimed_files(landing)
    with claimed.open("a") as file:
        file.write(row(2))
    assert run_apart(TAKE_IN, lakehouse, crash_at=[step])[0].code == -signal.SIGKILL
    with claimed.open("a") as file:
        file.write(row(3))
    take_in(lakehouse)
    assert (users(), claimed_files(landing)) == ([1, 2, 3], [])


def test_a_damaged_note_of_what_was_taken_is_no_obstacle(
    lakehouse: Lakehouse, drop: Callable, users: Callable, landing: Path, run_apart: Callable
) -> None:
    drop("a.csv", row(1).strip())
    assert run_apart(TAKE_IN, lakehouse, crash_at=["receipt_written"])[0].code == -signal.SIGKILL
    [note] = (landing / "_claimed").glob("*.taken")
    note.write_text('[{"batch": "')
    assert take_in(lakehouse).known == ("a.csv",)
    assert (users(), claimed_files(landing)) == ([1], [])


def test_a_file_is_not_called_known_while_it_settles_or_goes(
    patient: Lakehouse, drop: Callable, blind: None, monkeypatch: pytest.MonkeyPatch, landing: Path
) -> None:
    drop("a.csv", row(1).strip(), "oops")
    assert len(take_in(patient).received) == 1
    settling = take_in(patient)
    assert (settling.known, settling.hints, settling.finished) == ((), (), ())
    later = time.time_ns() + int(2 * QUIET * 1e9)
    monkeypatch.setattr(intake_run.time, "time_ns", lambda: later)
    gone = take_in(patient)
    assert (gone.known, gone.hints, gone.finished, claimed_files(landing)) == ((), (), ("a.csv",), [])


def test_the_same_content_is_known_while_a_second_file_of_it_settles(
    patient: Lakehouse, drop: Callable, blind: None
) -> None:
    drop("a.csv", row(1).strip())
    take_in(patient)
    drop("b.csv", row(1).strip())
    assert take_in(patient).known == ("b.csv",)

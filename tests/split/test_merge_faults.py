"""Nothing that interrupts a merge, or comes between two, loses a row or doubles one."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reco_assets.batches import accepted as accepting
from reco_assets.batches.accepted import accept_waiting, accepted, waiting
from reco_assets.split import merge as merging
from reco_assets.split.merge import How, merge_side
from reco_assets.streaming.intake import take_in
from reco_assets.tables import SIDE_TABLES
from resources.tables.lakehouse import Lakehouse

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[2]
USERS, MOVIES = 30, 10
HISTORY = {(user, movie): "test" if movie % 5 == 0 else "train" for user in range(USERS) for movie in range(5)}
FIRST = [f"2015-01-{user % 28 + 1:02},{user},{movie},3.5" for user in range(USERS) for movie in range(MOVIES)]
CORRECTIONS = [f"2015-01-{user % 28 + 1:02},{user},{movie},1" for user in range(0, USERS, 3) for movie in (0, 1)]
NEW = [f"2016-01-{user % 28 + 1:02},{user},{movie},2" for user in range(USERS) for movie in range(0, MOVIES, 3)]
SECOND = [*CORRECTIONS, *NEW]
STEPS = (*accepting.STEPS, *merging.STEPS)

_MERGE = """
import json, resource, sys
from reco_assets.batches.accepted import accept_waiting
from reco_assets.split.merge import merge_side
from resources.tables.lakehouse import Lakehouse
from resources.settings import load_settings
settings = load_settings(lakehouse_path=sys.argv[1])
lakehouse = Lakehouse.open(settings)
print("ready", flush=True)
sys.stdin.readline()
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
accept_waiting(lakehouse, "report")
print(json.dumps([merge_side(lakehouse, side).how.value for side in ("train", "test")]))
"""

Start = Callable[..., "subprocess.Popen[str]"]
Rows = dict[str, list[tuple]]
COLUMNS = ("user_id", "movie_id", "rating_ts", "rating", "origin")


@pytest.fixture
def start_merge(lakehouse: Lakehouse) -> Start:
    """Start a process that will accept what waits and merge it, once it is told to; it is ready when this returns."""

    def start(crash_at: str = "", file_bytes: int = -1) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", _MERGE, str(lakehouse.root), str(file_bytes)],
            cwd=REPOSITORY,
            env={**os.environ, "RUST_LOG": "error", "RECO_CRASH_AT": crash_at},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    return start


def run(*processes: "subprocess.Popen[str]") -> list[tuple[int, str]]:
    """Let processes merge at once: their exit codes, and what they said."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120) for process in processes]
    return [(process.returncode, out or error) for process, (out, error) in zip(processes, said, strict=True)]


@dataclass
class Loop:
    """History and streamed files on their way into train and test."""

    lakehouse: Lakehouse
    write_history: Callable[..., None]
    drop: Callable[..., Path]
    table_rows: Callable[..., list[tuple]]

    def split(self) -> None:
        """Write history's split, as a run of the main job would."""
        self.write_history(HISTORY)

    def land(self, name: str, lines: list[str]) -> None:
        """Land a file and take it in."""
        self.drop(name, *lines, landed=datetime(2026, 1, 1, tzinfo=UTC))
        take_in(self.lakehouse)

    def merge(self) -> list[How]:
        """Accept and merge in this process."""
        accept_waiting(self.lakehouse, "report")
        return [merge_side(self.lakehouse, side).how for side in SIDE_TABLES]

    def rows(self) -> Rows:
        """The rows of both tables."""
        return {side: self.table_rows(spec.name, *COLUMNS) for side, spec in SIDE_TABLES.items()}

    def check_conserved(self) -> None:
        """Every rating of history and of both files is there once, as last said, and no pair is on both sides."""
        rows = self.rows()
        train, test = ({row[:2] for row in found} for found in rows.values())
        assert not train & test
        assert sum(map(len, rows.values())) == len(HISTORY) + len(FIRST) + len(NEW)
        assert sum(row[3] == 1.0 for found in rows.values() for row in found) == len(CORRECTIONS)
        assert all(len({row[:3] for row in found}) == len(found) for found in rows.values())


@pytest.fixture
def loop(lakehouse: Lakehouse, history: Callable, drop: Callable, table_rows: Callable) -> Loop:
    """History's split is written and the first file taken in."""
    made = Loop(lakehouse, history, drop, table_rows)
    made.split()
    made.land("first.csv", FIRST)
    return made


@pytest.mark.object_storage
@pytest.mark.parametrize("step", STEPS)
def test_a_merge_killed_anywhere_is_finished_by_the_next_run(step: str, loop: Loop, start_merge: Start) -> None:
    if step.endswith("inserted"):
        loop.merge()
    loop.land("second.csv", SECOND)
    assert run(start_merge(step))[0][0] == -signal.SIGKILL
    assert (waiting(loop.lakehouse), len(accepted(loop.lakehouse.root))) == ([], 2)
    assert run(start_merge())[0][0] == 0
    loop.check_conserved()
    finished = loop.rows()
    assert loop.merge() == [How.UNCHANGED, How.UNCHANGED]
    loop.split()
    assert loop.merge() == [How.REBUILT, How.REBUILT]
    assert loop.rows() == finished


def test_a_rebuild_between_a_killed_merge_and_its_replay_loses_nothing(loop: Loop, start_merge: Start) -> None:
    loop.merge()
    loop.land("second.csv", SECOND)
    assert run(start_merge("train_inserted"))[0][0] == -signal.SIGKILL
    loop.split()
    assert loop.merge() == [How.REBUILT, How.REBUILT]
    loop.check_conserved()
    rebuilt = loop.rows()
    assert run(start_merge()) == [(0, '["unchanged", "unchanged"]\n')]
    assert loop.rows() == rebuilt


@pytest.mark.parametrize("how", ["inserted", "rebuilt"])
def test_two_merges_at_once_merge_everything_once(how: str, loop: Loop, start_merge: Start) -> None:
    if how == "inserted":
        loop.merge()
    loop.land("second.csv", SECOND)
    ended = run(start_merge(), start_merge())
    assert [code for code, _ in ended] == [0, 0], ended
    for side in range(2):
        assert sorted(json.loads(said)[side] for _, said in ended) == sorted([how, "unchanged"])
    loop.check_conserved()


def test_a_full_disk_while_merging_leaves_the_tables_and_the_next_run_merges(loop: Loop, start_merge: Start) -> None:
    loop.merge()
    before = loop.rows()
    loop.land("second.csv", SECOND)
    accept_waiting(loop.lakehouse, "report")
    code, said = run(start_merge(file_bytes=300))[0]
    assert code == 1
    assert "File too large" in said
    assert loop.rows() == before
    assert loop.merge() == [How.INSERTED, How.INSERTED]
    loop.check_conserved()

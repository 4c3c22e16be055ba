"""When the landing sensor starts an intake run, and what it says when it doesn't."""

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from drift_sensors.cursors import Attempt, RetryPolicy, dump_files, load_files
from drift_sensors.landing import Launch, Observation, decide, observe
from reco_assets.streaming.landing import LandedFile, landed_files

NOW = 1_000_000.0
POLICY = RetryPolicy(max_attempts=3, backoff_seconds=30)
FILE = LandedFile("current.csv", size=100, mtime_ns=1, inode=1)
READY = Observation(complete=(FILE,), incomplete=(), claimed=())


def run(status: dg.DagsterRunStatus, ended: float | None = None) -> Attempt:
    return Attempt("run", status, ended)


def failed(times: int, ended: float = NOW - 1000) -> tuple[Attempt, ...]:
    return (run(dg.DagsterRunStatus.FAILURE, ended),) * times


def test_complete_files_start_one_run_of_all_of_them() -> None:
    both = replace(READY, complete=(FILE, replace(FILE, name="b.csv")))
    found = decide(both, (), (), POLICY, NOW)
    assert found == Launch(("current.csv", "b.csv"), both.group, 1)


def test_a_run_under_way_is_waited_for() -> None:
    found = decide(READY, (run(dg.DagsterRunStatus.QUEUED),), (), POLICY, NOW)
    assert isinstance(found, str)
    assert "under way" in found


def test_files_that_a_broken_run_had_claimed_are_resumed() -> None:
    assert isinstance(decide(Observation((), (), ("x.csv",)), (), (), POLICY, NOW), Launch)


def test_an_empty_folder_is_said_to_be_empty() -> None:
    assert decide(Observation((), (), ()), (), (), POLICY, NOW) == "No CSV file in the streaming folder."


def test_a_file_that_is_not_complete_is_named_with_what_it_lacks() -> None:
    found = decide(Observation((), (FILE,), ()), (), (), POLICY, NOW)
    assert isinstance(found, str)
    assert "current.csv" in found
    assert "newline" in found


def test_a_failed_group_is_tried_again_after_its_backoff() -> None:
    assert isinstance(decide(READY, (), failed(1, NOW - 29), POLICY, NOW), str)
    found = decide(READY, (), failed(1, NOW - 30), POLICY, NOW)
    assert isinstance(found, Launch)
    assert found.attempt == 2


def test_a_group_that_failed_too_often_is_given_up_with_what_to_do() -> None:
    found = decide(READY, (), failed(3), POLICY, NOW)
    assert isinstance(found, str)
    assert "touch" in found


@pytest.mark.parametrize("changed", [{"size": 101}, {"mtime_ns": 2}, {"inode": 2}, {"name": "other.csv"}])
def test_a_changed_file_is_another_group(changed: dict[str, object]) -> None:
    assert replace(READY, complete=(replace(FILE, **changed),)).group != READY.group  # type: ignore[arg-type]


def test_the_cursor_gives_back_the_files_it_was_made_of() -> None:
    assert load_files(dump_files([FILE])) == {"current.csv": FILE}


def test_a_file_is_complete_at_the_second_tick_that_sees_it_unchanged(tmp_path: Path) -> None:
    (tmp_path / "current.csv").write_text("DATE,CUST_ID,MOVIE_ID,RATING\n")
    first = landed_files(tmp_path)
    assert observe(tmp_path, first, {}).complete == ()
    assert observe(tmp_path, first, load_files(dump_files(first))).complete == tuple(first)


def test_a_file_that_grows_between_ticks_is_left_for_a_later_one(tmp_path: Path) -> None:
    path = tmp_path / "current.csv"
    path.write_text("DATE,CUST_ID,MOVIE_ID,RATING\n")
    before = load_files(dump_files(landed_files(tmp_path)))
    path.write_text("DATE,CUST_ID,MOVIE_ID,RATING\n2020-01-01,1,2,3.5\n")
    assert observe(tmp_path, landed_files(tmp_path), before).complete == ()


def test_a_file_without_a_last_newline_is_left(tmp_path: Path) -> None:
    (tmp_path / "current.csv").write_text("DATE,CUST_ID,MOVIE_ID,RATING\n2020-01-01,1,2,3.")
    seen = landed_files(tmp_path)
    assert observe(tmp_path, seen, load_files(dump_files(seen))).incomplete == tuple(seen)

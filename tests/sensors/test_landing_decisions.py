"""When the landing sensor starts an intake run, and what it says when it doesn't."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from drift_sensors.cursors import Attempt, RetryPolicy
from drift_sensors.landing import Launch, decide, files_named, group_of, landing_sensor
from drift_sensors.landing_looks import Observation, Watched, dump, load, observe, started
from reco_assets.pipelines.jobs import asset_jobs
from reco_assets.streaming.landing import LandedFile
from reco_assets.streaming.not_taken import write_failures
from resources.settings import Settings, load_settings

NOW = 1_000_000.0
POLICY = RetryPolicy(max_attempts=3, backoff_seconds=30)
FILE = LandedFile("current.csv", size=100, mtime_ns=1, inode=1)
READY = Observation(complete=(FILE,))
LINE = "DATE,CUST_ID,MOVIE_ID,RATING\n"


def run(status: dg.DagsterRunStatus, ended: float | None = None) -> Attempt:
    return Attempt("run", status, ended)


def failed(times: int, ended: float = NOW - 1000) -> tuple[Attempt, ...]:
    return (run(dg.DagsterRunStatus.FAILURE, ended),) * times


def test_complete_files_start_one_run_of_all_of_them() -> None:
    both = replace(READY, complete=(FILE, replace(FILE, name="b.csv")))
    found = decide(both, (), (), POLICY, NOW)
    assert found == Launch(("current.csv", "b.csv"), group_of(both), 1)


def test_a_run_under_way_is_waited_for() -> None:
    found = decide(READY, (run(dg.DagsterRunStatus.QUEUED),), (), POLICY, NOW)
    assert isinstance(found, str)
    assert "under way" in found


def test_files_that_a_broken_run_had_claimed_are_resumed() -> None:
    assert isinstance(decide(Observation(claimed=(FILE,)), (), (), POLICY, NOW), Launch)


def test_an_empty_folder_is_said_to_hold_no_complete_file() -> None:
    assert decide(Observation(), (), (), POLICY, NOW) == "No complete CSV file in the streaming folder."


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
    assert group_of(replace(READY, complete=(replace(FILE, **changed),))) != group_of(READY)  # type: ignore[arg-type]


def test_the_cursor_gives_back_what_it_was_made_of() -> None:
    watched = {"current.csv": Watched(FILE, since=5.5, tries=2, tried_at=7.0)}
    assert load(dump(watched)) == watched


@pytest.mark.parametrize("cursor", [None, "", '{"a.csv": [1, 2, 3]}', "[]", "{"])
def test_a_cursor_of_an_earlier_release_is_as_good_as_none(cursor: str | None) -> None:
    assert load(cursor) == {}


# Looks


class Ticks:
    """Looks at the streaming folder as the sensor takes them, at times that the test gives."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.folder, self.watched = settings, settings.storage.landing, dict[str, Watched]()
        self.folder.mkdir(parents=True)

    def put(self, name: str, text: str = LINE) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def at(self, now: float, *, launch: bool = False) -> Observation:
        found, watched = observe(self.settings, load(dump(self.watched)), POLICY, now)
        self.watched = started(watched, found, now) if launch else watched
        return found


@pytest.fixture
def ticks(tmp_path: Path) -> Ticks:
    return Ticks(load_settings(lakehouse_path=tmp_path, intake_quiet_seconds=10, intake_max_files=3))


def names(files: tuple[LandedFile, ...]) -> list[str]:
    return [file.name for file in files]


def test_a_file_is_complete_once_looks_saw_it_unchanged_for_the_quiet_period(ticks: Ticks) -> None:
    ticks.put("a.csv")
    assert [names(ticks.at(now).complete) for now in (0.0, 5.0, 9.9, 10.0)] == [[], [], [], ["a.csv"]]


def test_a_file_that_changes_between_looks_starts_its_quiet_period_anew(ticks: Ticks) -> None:
    path = ticks.put("a.csv")
    ticks.at(0.0)
    path.write_text(LINE + "2020-01-01,1,2,3.5\n")
    assert [names(ticks.at(now).complete) for now in (10.0, 19.0, 20.0)] == [[], [], ["a.csv"]]


def test_a_file_whose_times_were_put_back_after_it_changed_is_seen_to_have_changed(ticks: Ticks) -> None:
    path = ticks.put("a.csv")
    ticks.at(0.0)
    before = path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # one tick of the file system's clock
        path.write_text(LINE[::-1].strip() + "\n")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert names(ticks.at(10.0).complete) == []


def test_no_file_is_complete_at_the_first_look_however_old_it_is(ticks: Ticks) -> None:
    os.utime(ticks.put("a.csv"), (0, 0))
    assert names(ticks.at(1e9).complete) == []


def test_a_done_file_beside_it_makes_a_file_complete_at_the_second_look(ticks: Ticks) -> None:
    ticks.put("a.csv", "DATE")
    ticks.put("a.csv.done", "")
    assert [names(ticks.at(now).complete) for now in (0.0, 1.0)] == [[], ["a.csv"]]


def test_a_clock_that_is_set_back_makes_a_file_wait_no_longer_than_the_quiet_period(ticks: Ticks) -> None:
    ticks.put("a.csv")
    assert [names(ticks.at(now).complete) for now in (1e9, 5.0, 15.0)] == [[], [], ["a.csv"]]


def test_a_file_without_a_last_newline_is_not_taken_and_named_with_reason_and_time(ticks: Ticks) -> None:
    ticks.put("a.csv", LINE + "2020-01-01,1,2,3.")
    ticks.at(0.0)
    found = ticks.at(20.0)
    assert found.complete == ()
    assert "a.csv: its last line has no end; end it with a newline" in files_named(found)
    assert "(since 20" in files_named(found)


def test_a_file_that_is_being_written_is_not_complete_however_long_it_pauses(ticks: Ticks) -> None:
    with ticks.put("a.csv").open("a"):
        assert [names(ticks.at(now).complete) for now in (0.0, 1e6)] == [[], []]
        assert "a.csv: a process has it open for writing" in files_named(ticks.at(1e6))
    ticks.at(1e6)
    assert names(ticks.at(1e6 + 10).complete) == ["a.csv"]


def test_files_that_are_never_complete_hide_no_younger_ones(ticks: Ticks) -> None:
    for number in range(20):
        ticks.put(f"{number}.csv", "cut")
    ticks.put("young.csv")
    ticks.at(0.0)
    assert names(ticks.at(10.0).complete) == ["young.csv"]


def test_files_that_runs_leave_behind_hide_no_younger_ones_and_are_tried_again_ever_later(ticks: Ticks) -> None:
    for number in range(3):
        ticks.put(f"stuck{number}.csv")
    ticks.at(0.0)
    assert len(ticks.at(10.0, launch=True).complete) == 3
    ticks.put("young.csv")
    assert (names(ticks.at(11.0).settling), names(ticks.at(21.0).complete)) == (["young.csv"], ["young.csv"])
    assert len(ticks.at(39.0).left_behind) == 3
    assert len(ticks.at(40.0, launch=True).complete) == 3
    assert (len(ticks.at(99.0).left_behind), len(ticks.at(100.0).complete)) == (3, 3)


def test_a_claimed_file_that_a_process_writes_to_starts_no_run_until_it_ends(ticks: Ticks) -> None:
    claimed = ticks.folder / "_claimed" / "x" / "a.csv"
    claimed.parent.mkdir(parents=True)
    with claimed.open("w"):
        found = ticks.at(0.0)
        assert (found.claimed, [file.name for file in found.not_taken]) == ((), ["_claimed/x/a.csv"])
    assert names(ticks.at(1.0).claimed) == ["_claimed/x/a.csv"]


def test_a_claimed_file_that_a_run_left_is_not_started_for_at_every_tick(ticks: Ticks) -> None:
    claimed = ticks.folder / "_claimed" / "x" / "a.csv"
    claimed.parent.mkdir(parents=True)
    claimed.write_text(LINE)
    assert len(ticks.at(0.0, launch=True).claimed) == 1
    assert [len(ticks.at(now).claimed) for now in (5.0, 29.0, 30.0)] == [0, 0, 1]


# What is said of files that are not taken


STRANGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a.csv.gz": (lambda path: path.write_bytes(b"x"), "it is compressed; unpack it"),
    "A.ZIP": (lambda path: path.write_bytes(b"x"), "it is compressed; unpack it"),
    "a.txt": (lambda path: path.write_text(LINE), "it does not end in .csv"),
    "empty.csv": (lambda path: path.touch(), "it is empty"),
    "folder.csv": (lambda path: path.mkdir(), "it is a folder"),
    "link.csv": (lambda path: path.symlink_to("/etc/hostname"), "it is a symbolic link"),
    "pipe.csv": (os.mkfifo, "it is not a regular file"),
    "gone.csv.done": (lambda path: path.touch(), "there is no gone.csv"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_whatever_is_not_taken_is_named_with_its_reason(ticks: Ticks, name: str) -> None:
    make, reason = STRANGE[name]
    make(ticks.folder / name)
    said = files_named(ticks.at(0.0))
    assert said.startswith(f"Not taken: {name}: ")
    assert reason in said


def test_files_in_a_folder_that_nobody_looks_at_are_named_by_their_folder(ticks: Ticks) -> None:
    (ticks.folder / "2024").mkdir()
    (ticks.folder / "2024" / "x.csv").write_text(LINE)
    said = files_named(ticks.at(0.0))
    assert said.startswith("Not taken: 2024: it is a folder, and files in it such as x.csv are not looked at")


def test_a_file_that_lies_loosely_among_the_claims_is_named(ticks: Ticks) -> None:
    (ticks.folder / "_claimed").mkdir()
    (ticks.folder / "_claimed" / "x.csv").write_text(LINE)
    assert "_claimed/x.csv: _claimed is the platform's own; move it" in files_named(ticks.at(0.0))


def test_a_name_that_is_not_utf8_is_shown_escaped(ticks: Ticks) -> None:
    (ticks.folder / os.fsdecode(b"caf\xe9.csv")).write_text(LINE)
    assert "caf\\xe9.csv: its name is not UTF-8; rename it" in files_named(ticks.at(0.0))


@pytest.mark.parametrize("name", ["_own", ".hidden.csv", "train", "test"])
def test_folders_and_names_that_are_left_alone_are_not_named(ticks: Ticks, name: str) -> None:
    (ticks.folder / name).mkdir()
    assert files_named(ticks.at(0.0)) == ""


def test_what_a_run_could_not_do_is_named_until_the_file_is_gone(ticks: Ticks) -> None:
    path = ticks.put("stuck.csv")
    write_failures(ticks.settings.storage.root, ticks.folder, {"stuck.csv": "it may not be moved: denied"}, 10**18)
    assert "stuck.csv: it may not be moved: denied (since 2001-09-09 01:46:40 UTC)" in files_named(ticks.at(0.0))
    path.unlink()
    assert files_named(ticks.at(1.0)) == ""


def test_refused_files_are_counted(ticks: Ticks) -> None:
    (ticks.folder / "_refused").mkdir()
    for name in ("a.csv", "a.csv.error.txt"):
        (ticks.folder / "_refused" / name).touch()
    assert files_named(ticks.at(0.0)) == "1 refused file(s) lie in _refused, each with its reason beside it."


# The sensor


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def test_the_sensor_names_what_it_does_not_take_and_starts_a_run_of_what_it_does(
    ticks: Ticks, instance: dg.DagsterInstance
) -> None:
    ticks.put("cut.csv", "x")
    ticks.put("whole.csv")
    ticks.put("whole.csv.done", "")
    sensor, cursor, found = landing_sensor(ticks.settings, asset_jobs(())), None, None
    for _ in range(2):
        found = sensor.evaluate_tick(dg.build_sensor_context(instance, cursor=cursor))
        cursor = found.cursor
        if not found.run_requests:
            assert "cut.csv: its last line has no end" in str(found.skip_message)
    assert found is not None
    assert found.run_requests is not None
    [request] = found.run_requests
    assert request.run_config["ops"]["process_streaming_data"]["config"] == {"files": ["whole.csv"]}


def test_the_sensor_says_in_one_line_that_a_managed_folder_is_a_link(
    ticks: Ticks, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    (ticks.folder / "_claimed").symlink_to(tmp_path)
    found = landing_sensor(ticks.settings, asset_jobs(())).evaluate_tick(dg.build_sensor_context(instance))
    assert "_claimed is a symbolic link" in str(found.skip_message)

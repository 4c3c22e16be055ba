"""Nothing that interrupts intake loses a line, doubles one, or moves one to the other side of the split."""

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reco_assets.batches.receipts import receipts
from reco_assets.streaming import intake_run, staging
from reco_assets.streaming.intake import STEPS, IntakeResult, take_in
from reco_assets.streaming.reader import ParsedFile, parse_stream_file
from reco_assets.tables import STREAM_QUARANTINE, STREAM_RATINGS
from resources.tables.lakehouse import Lakehouse

TAKE_IN = "reco_assets.streaming.intake:take_in"
RATINGS, QUARANTINE = STREAM_RATINGS.name, STREAM_QUARANTINE.name


def files_in(folder: Path) -> list[Path]:
    """The files below a folder, but for what is noted beside claims."""
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".taken"]


@pytest.fixture
def files(drop: Callable, history: Callable) -> Callable[[], None]:
    """Land four files that meet every path through intake; history knows one of the pairs."""

    def land() -> None:
        history({(7, 42): "test", (7, 43): "train"})
        bulk = [f"2005-09-{day:02},{user},{day},{user % 9 / 2 + 0.5}" for user in range(30) for day in range(1, 11)]
        drop("a.csv", *bulk, "oops", "2005-09-06,7,42,4", "2005-09-06,7,42,4", landed=datetime(2026, 1, 1, tzinfo=UTC))
        drop("b.csv", "2005-09-06,7,43,NaN", "2005-09-06,7,43,4", landed=datetime(2026, 1, 2, tzinfo=UTC))
        drop("copy.csv", "2005-09-06,7,43,NaN", "2005-09-06,7,43,4", landed=datetime(2026, 1, 3, tzinfo=UTC))
        drop("wrong.csv", "2005-09-06,7,43,4", header="DATE,MOVIE_ID,CUST_ID,RATING")

    return land


@pytest.fixture
def state(lakehouse: Lakehouse, table_rows: Callable) -> Callable[[], dict[str, Any]]:
    """Everything that intake leaves: rows, lines, receipts, raw copies, and the files in the streaming folder."""

    def look() -> dict[str, Any]:
        folder = lakehouse.settings.storage.landing
        return {
            "ratings": table_rows(RATINGS),
            "quarantine": table_rows(QUARANTINE),
            "receipts": [replace(receipt, intake="") for receipt in receipts(lakehouse.root)],  # of another run
            "archive": {path.name: path.read_bytes() for path in lakehouse.path("stream", "archive").iterdir()},
            "left": sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()),
        }

    return look


@pytest.fixture
def undisturbed(
    make_lakehouse: Callable[..., Lakehouse], files: Callable, state: Callable, tmp_path: Path
) -> dict[str, Any]:
    """What is there after a run that nothing interrupted, in the very folder that the test then starts from."""
    files()
    take_in(make_lakehouse())
    expected: dict[str, Any] = state()
    (tmp_path / "lake").rename(tmp_path / "undisturbed")
    (tmp_path / "lake" / "streaming").mkdir(parents=True)
    files()
    assert expected["left"] == ["_refused/wrong.csv", "_refused/wrong.csv.error.txt"]
    assert [(receipt.lines, receipt.good) for receipt in expected["receipts"]] == [(303, 301), (2, 1)]
    return expected


def killed(run_apart: Callable, lakehouse: Lakehouse, step: str) -> bool:
    [ended] = run_apart(TAKE_IN, lakehouse, crash_at=[step])
    assert ended.code in (0, -signal.SIGKILL), ended.error
    return bool(ended.code)


@pytest.mark.object_storage
@pytest.mark.parametrize("step", STEPS)
def test_a_run_killed_at_any_step_is_finished_by_the_next_one(
    lakehouse: Lakehouse, undisturbed: dict, run_apart: Callable, state: Callable, step: str
) -> None:
    assert killed(run_apart, lakehouse, step)
    take_in(lakehouse)
    assert state() == undisturbed
    assert take_in(lakehouse) == IntakeResult()
    assert state() == undisturbed


@pytest.mark.parametrize("times", [1, 3])
def test_runs_killed_one_after_another_are_finished_by_the_last(
    lakehouse: Lakehouse, undisturbed: dict, run_apart: Callable, state: Callable, times: int
) -> None:
    assert sum(killed(run_apart, lakehouse, step) for step in STEPS for _ in range(times)) >= len(STEPS) - 1
    take_in(lakehouse)
    assert state() == undisturbed


def test_a_change_of_history_between_death_and_resumption_changes_no_staged_side(
    lakehouse: Lakehouse, undisturbed: dict, run_apart: Callable, state: Callable, history: Callable
) -> None:
    assert killed(run_apart, lakehouse, "ratings_staged")
    history({(7, 42): "train", (7, 43): "test"})
    take_in(lakehouse)
    assert state() == undisturbed


def test_a_copy_handed_in_by_a_command_that_is_killed_is_taken_by_the_next_run(
    lakehouse: Lakehouse, drop: Callable, run_apart: Callable, tmp_path: Path
) -> None:
    path = drop("a.csv", "2005-09-06,7,42,4").rename(tmp_path / "a.csv")
    [ended] = run_apart("reco_assets.streaming.intake:hand_in", lakehouse, path, crash_at=["claimed"])
    assert (ended.code, path.exists()) == (-signal.SIGKILL, True)
    assert [receipt.source for receipt in take_in(lakehouse).received] == ["a.csv"]


@pytest.mark.object_storage
def test_many_runs_at_once_take_each_file_once(
    lakehouse: Lakehouse, undisturbed: dict, run_apart: Callable, state: Callable
) -> None:
    ended = run_apart(TAKE_IN, lakehouse, crash_at=["", "", ""])
    assert [(one.code, one.error) for one in ended] == [(0, "")] * 3
    assert state() == undisturbed


@pytest.mark.parametrize(("file_bytes", "archived"), [(60, False), (2_000, True)], ids=["archiving", "staging"])
def test_a_full_disk_stops_the_run_with_a_clear_error_and_the_file_stays(
    lakehouse: Lakehouse, drop: Callable, run_apart: Callable, file_bytes: int, archived: bool
) -> None:
    take_in(lakehouse)  # makes the tables
    content = drop("a.csv", "2005-09-06,7,42,4", "2005-09-06,8,42,4", "oops").read_bytes()
    [ended] = run_apart(TAKE_IN, lakehouse, file_bytes=file_bytes)
    assert (ended.code, ended.error[:29]) == (1, "IntakeError: Intake stopped: ")
    assert "What was claimed stays in" in ended.error
    assert [path.read_bytes() for path in files_in(lakehouse.settings.storage.landing)] == [content]
    assert len(files_in(lakehouse.path("stream", "archive"))) == archived
    assert lakehouse.row_count(RATINGS) == 0
    [receipt] = take_in(lakehouse).received
    assert (receipt.good, receipt.quarantined, files_in(lakehouse.settings.storage.landing)) == (2, 1, [])
    assert (lakehouse.row_count(RATINGS), lakehouse.row_count(QUARANTINE)) == (2, 1)


# Conservation


def test_a_reader_that_loses_a_row_keeps_its_file_with_the_reason_while_the_others_are_taken(
    lakehouse: Lakehouse, drop: Callable, table_rows: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = drop("a.csv", "2005-09-06,7,42,4", "2005-09-06,8,42,4").read_bytes()
    drop("b.csv", "2005-09-06,9,42,4")

    def loses_user_7(path: Path, landed_ns: int) -> ParsedFile:
        parsed = parse_stream_file(path, landed_ns)
        kept = parsed.good.filter([user != 7 for user in parsed.good["user_id"].to_pylist()])
        return ParsedFile(kept, parsed.quarantined, parsed.lines, parsed.duplicates)

    monkeypatch.setattr(intake_run, "parse_stream_file", loses_user_7)
    [left] = take_in(lakehouse).not_taken
    assert left.name.endswith("/a.csv")
    assert left.reason.startswith("2 data lines, but 1 good + 0 quarantined + 0 duplicates")
    assert [path.read_bytes() for path in files_in(lakehouse.settings.storage.landing)] == [content]
    assert table_rows(RATINGS, "user_id") == [(9,)]
    monkeypatch.undo()
    assert [receipt.good for receipt in take_in(lakehouse).received] == [2]
    assert (table_rows(RATINGS, "user_id"), files_in(lakehouse.settings.storage.landing)) == ([(7,), (8,), (9,)], [])


def test_a_table_that_lacks_a_staged_row_keeps_the_file_with_the_reason(
    lakehouse: Lakehouse, drop: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("a.csv", "2005-09-06,7,42,4", "2005-09-06,8,42,4")
    append = staging.append_batches
    monkeypatch.setattr(
        staging, "append_batches", lambda lake, spec, data, commit=None: append(lake, spec, data.slice(1), commit)
    )
    [left] = take_in(lakehouse).not_taken
    assert left.reason.startswith("2 data lines, but 1 good")
    assert (len(files_in(lakehouse.settings.storage.landing)), receipts(lakehouse.root)) == (1, [])


def test_an_unfinished_receipt_is_none(
    lakehouse: Lakehouse, undisturbed: dict, run_apart: Callable, state: Callable
) -> None:
    assert killed(run_apart, lakehouse, "quarantine_staged")
    folder = lakehouse.path("stream", "receipts")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".half.json.1").write_text(json.dumps({"batch": "half"})[:-2])
    take_in(lakehouse)
    assert state() == undisturbed

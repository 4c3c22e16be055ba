"""`reco stream replay`: rows that were quarantined and are good today come back, exactly once."""

import os
import shutil
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reco_assets.batches.accepted import accept_waiting, waiting_batches
from reco_assets.batches.finding import BatchNameError
from reco_assets.batches.receipt_files import Receipt
from reco_assets.batches.receipts import FOLLOW_UP, read_receipt, receipts
from reco_assets.split.merge import merge_side
from reco_assets.streaming import intake_run
from reco_assets.streaming.intake import take_in, take_in_again
from reco_assets.streaming.reader import parse_stream_file
from reco_assets.streaming.replay import STEPS, Replayed
from reco_assets.tables import LEDGER, RECEIPTS, STREAM_QUARANTINE, STREAM_RATINGS
from resources.tables.lakehouse import Lakehouse

RATINGS, QUARANTINE = STREAM_RATINGS.name, STREAM_QUARANTINE.name
AGAIN = "tests.streaming.test_replay:replay_by_path"
LONG_AGO = int(datetime(1980, 1, 1, tzinfo=UTC).timestamp()) * 10**9
LINES = ("1979-05-01,1,1,3", "2005-09-06,7,42,4", "oops", "2005-09-07,7,42,5", "2005-09-07,7,42,5")


@pytest.fixture
def batch(lakehouse: Lakehouse, drop: Callable, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file that was judged by a clock of 1980: of five lines one was good, and three were of the future."""
    drop("wrong-clock.csv", *LINES)
    with monkeypatch.context() as patched:
        patched.setattr(intake_run, "parse_stream_file", lambda path, _: parse_stream_file(path, LONG_AGO))
        [receipt] = take_in(lakehouse).received
    assert (receipt.good, receipt.quarantined, receipt.duplicates) == (1, 4, 0)
    return receipt.batch


@pytest.fixture
def state(lakehouse: Lakehouse, table_rows: Callable) -> Callable[[], dict]:
    """All that a replay may change."""
    return lambda: {
        "ratings": table_rows(RATINGS, "batch", "line", "user_id", "rating"),
        "quarantine": table_rows(QUARANTINE, "batch", "line", "raw"),
        "receipts": receipts(lakehouse.root),
        "waiting": waiting_batches(lakehouse),
    }


def conserves(receipt: Receipt) -> bool:
    return receipt.lines == receipt.good + receipt.quarantined + receipt.duplicates


def test_rows_that_are_good_today_come_back_as_a_batch_that_waits(
    lakehouse: Lakehouse, batch: str, state: Callable
) -> None:
    done = take_in_again(lakehouse, batch)
    assert done.replayed == Replayed(batch, f"{batch}+2", returned=2, duplicates=1, quarantined=1)
    assert state()["ratings"] == [(batch, 2, 1, 3.0), (f"{batch}+2", 3, 7, 4.0), (f"{batch}+2", 6, 7, 5.0)]
    assert state()["quarantine"] == [(batch, 4, "oops")]
    assert state()["waiting"] == (batch, f"{batch}+2")
    first, second = receipts(lakehouse.root)
    assert (first.good, first.quarantined, first.duplicates, second.good) == (1, 1, 1, 2)
    assert conserves(first)
    assert conserves(second)
    assert first.lines + second.lines == len(LINES)


def test_what_comes_back_corrects_what_came_before_it(
    lakehouse: Lakehouse, drop: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("before.csv", "2005-09-06,7,42,1", "2005-09-07,7,42,5")
    take_in(lakehouse)
    drop("wrong-clock.csv", *LINES)
    with monkeypatch.context() as patched:
        patched.setattr(intake_run, "parse_stream_file", lambda path, _: parse_stream_file(path, LONG_AGO))
        [receipt] = take_in(lakehouse).received
    take_in_again(lakehouse, receipt.batch)
    assert [receipt.corrections for receipt in receipts(lakehouse.root)] == [0, 0, 1]


def test_a_line_whose_rating_a_later_batch_gave_stays_in_quarantine_however_often_it_is_replayed(
    lakehouse: Lakehouse, batch: str, drop: Callable, state: Callable
) -> None:
    drop("newer.csv", "2005-09-06,7,42,1")
    take_in(lakehouse)
    done = take_in_again(lakehouse, batch)
    assert done.replayed == Replayed(batch, f"{batch}+2", returned=1, duplicates=1, quarantined=2)
    before = state()
    assert [line for _, line, _ in before["quarantine"]] == [3, 4]
    assert [rating for _, line, _, rating in before["ratings"] if line == 3] == []
    assert [receipt.corrections for receipt in receipts(lakehouse.root)] == [0, 0, 0]
    assert take_in_again(lakehouse, batch).replayed == Replayed(batch, None, 0, 0, 2)
    assert state() == before


def test_a_second_replay_changes_nothing(lakehouse: Lakehouse, batch: str, state: Callable) -> None:
    take_in_again(lakehouse, batch)
    before = state()
    for name in (batch, f"{batch}+2"):
        assert take_in_again(lakehouse, name).replayed == Replayed(batch, None, 0, 0, 1)
        assert state() == before


def replay_by_path(lakehouse: Lakehouse, batch: Path) -> None:
    """For a process of its own, which is given paths alone."""
    take_in_again(lakehouse, batch.name)


@pytest.mark.parametrize("step", STEPS)
def test_a_replay_killed_at_any_step_is_finished_by_the_next_replay(
    lakehouse: Lakehouse, batch: str, state: Callable, run_apart: Callable, step: str
) -> None:
    [ended] = run_apart(AGAIN, lakehouse, Path(batch), crash_at=[step])
    assert ended.code == -signal.SIGKILL, ended.error
    take_in_again(lakehouse, batch)
    is_finished(state(), batch)


@pytest.mark.parametrize("step", STEPS[1:])
def test_what_a_killed_replay_appended_is_finished_by_the_next_intake(
    lakehouse: Lakehouse, batch: str, state: Callable, run_apart: Callable, step: str
) -> None:
    [ended] = run_apart(AGAIN, lakehouse, Path(batch), crash_at=[step])
    assert ended.code == -signal.SIGKILL, ended.error
    take_in(lakehouse)
    assert lakehouse.row_count(RATINGS) == 3
    assert state()["waiting"] == (batch, f"{batch}+2")
    assert all(map(conserves, receipts(lakehouse.root)))


def is_finished(found: dict, batch: str) -> None:
    assert [line for _, line, *_ in found["ratings"]] == [2, 3, 6]
    assert found["quarantine"] == [(batch, 4, "oops")]
    assert found["waiting"] == (batch, f"{batch}+2")
    assert all(map(conserves, found["receipts"]))
    assert sum(receipt.lines for receipt in found["receipts"]) == len(LINES)


def test_what_comes_back_of_a_merged_batch_reaches_training(
    lakehouse: Lakehouse, batch: str, history: Callable, table_rows: Callable
) -> None:
    history({(1, 9): "train", (7, 42): "train", (1, 1): "train"})
    accept_waiting(lakehouse, "r1")
    merge_side(lakehouse, "train")
    take_in_again(lakehouse, batch)
    assert waiting_batches(lakehouse) == (f"{batch}+2",)
    accept_waiting(lakehouse, "r2")
    merge_side(lakehouse, "train")
    assert (7, 42, 4.0, f"{batch}+2") in table_rows("silver/train_ratings", "user_id", "movie_id", "rating", "origin")


def test_without_the_archived_copy_the_lines_in_quarantine_are_read(
    lakehouse: Lakehouse, batch: str, state: Callable
) -> None:
    lakehouse.path("stream", "archive", f"{batch}.csv").unlink()
    take_in_again(lakehouse, batch)
    assert [line for _, line, *_ in state()["ratings"]] == [2, 3, 6]
    assert state()["quarantine"] == [(batch, 4, "oops")]


@pytest.mark.parametrize("name", ["prefix", "file"])
def test_a_batch_is_named_by_the_beginning_of_its_sha256_or_its_file(
    lakehouse: Lakehouse, batch: str, name: str
) -> None:
    done = take_in_again(lakehouse, batch[:8] if name == "prefix" else "wrong-clock.csv")
    assert done.replayed is not None
    assert done.replayed.batch == batch


def test_an_unknown_batch_and_an_ambiguous_name_are_refused(lakehouse: Lakehouse, drop: Callable) -> None:
    for user in (1, 2):
        drop("current.csv", f"2005-09-06,{user},1,4")
        take_in(lakehouse)
    with pytest.raises(BatchNameError, match="No batch 'abcdef' was taken in"):
        take_in_again(lakehouse, "abcdef")
    with pytest.raises(BatchNameError, match=r"'current\.csv' stands for 2 batches: \w{12} \(current\.csv\), "):
        take_in_again(lakehouse, "current.csv")


def test_known_content_with_lines_in_quarantine_is_told_of_replay(
    lakehouse: Lakehouse, batch: str, drop: Callable
) -> None:
    drop("again.csv", *LINES)
    result = take_in(lakehouse)
    assert result.known == ("again.csv",)
    assert result.hints == (
        "again.csv was taken in before as wrong-clock.csv, and 4 of its lines are in quarantine. To judge them by "
        f"today's rules: reco stream replay {batch[:12]}",
    )


def test_known_content_that_later_files_corrected_is_told_that_their_values_stand(
    lakehouse: Lakehouse, drop: Callable
) -> None:
    drop("a.csv", "2005-09-06,7,42,2", "2005-09-06,7,43,2", "2005-09-06,7,44,2")
    take_in(lakehouse)
    drop("b.csv", "2005-09-06,7,42,5", "2005-09-06,7,43,2")
    take_in(lakehouse)
    drop("again.csv", "2005-09-06,7,42,2", "2005-09-06,7,43,2", "2005-09-06,7,44,2")
    [hint] = take_in(lakehouse).hints
    assert hint.startswith("again.csv was taken in before as a.csv, and later files gave 1 of its ratings other values")
    drop("b-again.csv", "2005-09-06,7,42,5", "2005-09-06,7,43,2")
    assert take_in(lakehouse).hints == ()


@pytest.mark.parametrize("archived", [LONG_AGO, None])
def test_a_file_that_comes_again_after_a_replay_and_a_lost_ledger_doubles_and_loses_no_line(
    lakehouse: Lakehouse, batch: str, drop: Callable, state: Callable, archived: int | None
) -> None:
    take_in_again(lakehouse, batch)
    before = state()
    if archived is not None:
        os.utime(lakehouse.path("stream", "archive", f"{batch}.csv"), ns=(archived, archived))
    lakehouse.path(str(LEDGER)).unlink()
    shutil.rmtree(lakehouse.path(str(RECEIPTS)))
    drop("again.csv", *LINES)
    assert take_in(lakehouse).not_taken == ()
    assert (state()["ratings"], state()["quarantine"]) == (before["ratings"], before["quarantine"])
    counts = ("lines", "good", "quarantined", "duplicates")
    assert [[getattr(receipt, name) for name in counts] for receipt in receipts(lakehouse.root)] == [
        [getattr(receipt, name) for name in counts] for receipt in before["receipts"]
    ]
    assert not list(lakehouse.settings.storage.landing.rglob("again.csv"))


@pytest.mark.parametrize("year", [1980, 2099])
def test_dates_are_judged_by_the_time_of_intake_whatever_the_time_of_the_file(
    lakehouse: Lakehouse, drop: Callable, year: int
) -> None:
    drop("a.csv", "2005-09-06,7,42,4", "2090-01-01,8,42,4", landed=datetime(year, 1, 1, tzinfo=UTC))
    [receipt] = take_in(lakehouse).received
    assert (receipt.good, receipt.quarantined) == (1, 1)


def test_a_resumed_batch_is_judged_by_when_its_intake_began(
    lakehouse: Lakehouse, drop: Callable, run_apart: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("a.csv", "2005-09-06,7,42,4", "2090-01-01,8,42,4")
    [ended] = run_apart("reco_assets.streaming.intake:take_in", lakehouse, crash_at=["ratings_staged"])
    assert ended.code == -signal.SIGKILL
    century = 100 * 365 * 86_400 * 10**9
    monkeypatch.setattr(intake_run.time, "time_ns", lambda: LONG_AGO + century)
    [receipt] = take_in(lakehouse).received
    assert (receipt.good, receipt.quarantined) == (1, 1)
    assert read_receipt(lakehouse.root, receipt.batch) == receipt
    assert FOLLOW_UP not in receipt.batch

"""Withdrawing a batch that was taken in: what it changes, what comes again, and that it may be killed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reco_assets.batches.accepted import accept_waiting, waiting_batches
from reco_assets.batches.finding import BatchNameError, listed
from reco_assets.batches.withdrawn import STEPS, withdrawn
from reco_assets.forgetting.forget import forget
from reco_assets.split.merge import merge_side
from reco_assets.split.withdrawal import Held, decide_on, held_of
from reco_assets.streaming.intake import take_in, take_in_again
from reco_assets.streaming.replay import ReplayError
from reco_assets.tables import SIDE_TABLES, STREAM_RATINGS
from resources.tables.lakehouse import Lakehouse
from tests.streams import Ended

HISTORY = {(1, 1): "train", (1, 2): "train", (2, 1): "test"}
FIRST = ("2010-01-01,1,1,2", "2015-01-01,1,3,3")
SECOND = ("2010-01-01,1,1,1", "2010-01-01,2,1,1", "2015-01-01,1,3,3", "2016-01-01,7,7,5")

Drop = Callable[..., Path]


@pytest.fixture
def two_files(lakehouse: Lakehouse, history: Callable[..., None], drop: Drop) -> Lakehouse:
    """One file and then another that corrects it and history, both in training and test."""
    history(HISTORY)
    for name, lines in (("first.csv", FIRST), ("second.csv", SECOND)):
        drop(name, *lines)
        take_in(lakehouse)
        accept_waiting(lakehouse, "report")
        merge(lakehouse)
    return lakehouse


def merge(lakehouse: Lakehouse) -> None:
    for side in SIDE_TABLES:
        merge_side(lakehouse, side)


def withdraw_second_and_merge(lakehouse: Lakehouse) -> None:
    decide_on(lakehouse, "withdraw", "second.csv", "wrong")
    merge(lakehouse)


def ratings(lakehouse: Lakehouse) -> list[tuple]:
    tables = [lakehouse.dataset(spec.name).to_table() for spec in SIDE_TABLES.values()]
    rows = [row for table in tables for row in table.to_pylist()]
    return sorted((row["user_id"], row["movie_id"], row["rating"]) for row in rows)


def test_what_training_and_test_hold_of_a_batch_is_known_before(two_files: Lakehouse) -> None:
    second = listed(two_files.root)[1].receipt.batch
    held = held_of(two_files, [second])
    assert held.train + held.test == 3  # its last line but one says what the first file said
    assert held.given_back == 2


def test_what_a_withdrawn_batch_corrected_is_given_back_and_what_it_held_stays_in_the_stream(
    two_files: Lakehouse,
) -> None:
    rows = two_files.row_count(STREAM_RATINGS.name)
    withdraw_second_and_merge(two_files)
    assert ratings(two_files) == [(1, 1, 2.0), (1, 2, 4.0), (1, 3, 3.0), (2, 1, 4.0)]
    assert two_files.row_count(STREAM_RATINGS.name) == rows
    second = listed(two_files.root)[1]
    assert (second.state, second.why, second.accepted) == ("withdrawn", "wrong", True)
    assert held_of(two_files, [second.receipt.batch]) == Held()


def test_a_withdrawal_that_is_taken_back_gives_the_rows_of_before(two_files: Lakehouse) -> None:
    before = ratings(two_files)
    withdraw_second_and_merge(two_files)
    decide_on(two_files, "reinstate", "second.csv", "")
    merge(two_files)
    assert ratings(two_files) == before


def test_a_forgotten_user_comes_back_neither_with_the_end_of_a_withdrawal_nor_with_another(
    two_files: Lakehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    withdraw_second_and_merge(two_files)
    assert forget(two_files.settings, ["1"])[0].passed
    decide_on(two_files, "reinstate", "second.csv", "")
    merge(two_files)
    assert ratings(two_files) == [(2, 1, 1.0), (7, 7, 5.0)]
    withdraw_second_and_merge(two_files)
    assert ratings(two_files) == [(2, 1, 4.0)]


def test_a_withdrawn_file_that_comes_again_stays_out_and_that_is_said(two_files: Lakehouse, drop: Drop) -> None:
    withdraw_second_and_merge(two_files)
    drop("again.csv", *SECOND)
    taken = take_in(two_files)
    assert (taken.received, taken.known) == ((), ("again.csv",))
    assert len(taken.hints) == 1
    assert "withdrawn at" in taken.hints[0]
    assert "(wrong)" in taken.hints[0]
    assert waiting_batches(two_files) == ()


def test_a_corrected_file_is_a_new_batch_which_corrects_nothing_that_was_withdrawn(
    two_files: Lakehouse, drop: Drop
) -> None:
    withdraw_second_and_merge(two_files)
    drop("corrected.csv", "2016-01-01,7,7,4")
    (receipt,) = take_in(two_files).received
    assert receipt.corrections == 0
    assert waiting_batches(two_files) == (receipt.batch,)


def test_a_withdrawn_batch_is_not_replayed_before_it_counts_again(two_files: Lakehouse) -> None:
    withdraw_second_and_merge(two_files)
    with pytest.raises(ReplayError, match=r"was withdrawn at .* \(wrong\).*--undo"):
        take_in_again(two_files, "second.csv")


def test_what_names_no_batch_or_several_is_refused_with_what_there_is(two_files: Lakehouse, drop: Drop) -> None:
    with pytest.raises(BatchNameError, match="See which there are: reco stream list"):
        decide_on(two_files, "withdraw", "third.csv", "")
    drop("first.csv", "2016-01-01,7,8,4")
    take_in(two_files)
    with pytest.raises(BatchNameError, match=r"'first\.csv' stands for 2 batches: \w{12} \(first\.csv\), "):
        decide_on(two_files, "withdraw", "first.csv", "")
    assert withdrawn(two_files.root) == {}


@pytest.mark.parametrize("step", [*STEPS, "train_rebuilt"])
def test_a_withdrawal_that_is_killed_is_finished_by_the_next(
    two_files: Lakehouse, run_apart: Callable[..., list[Ended]], step: str
) -> None:
    (ended,) = run_apart("tests.split.test_withdrawal:withdraw_second_and_merge", two_files, crash_at=[step])
    assert ended.code == -9, ended.error
    withdraw_second_and_merge(two_files)
    assert ratings(two_files) == [(1, 1, 2.0), (1, 2, 4.0), (1, 3, 3.0), (2, 1, 4.0)]
    assert len(withdrawn(two_files.root)) == 1

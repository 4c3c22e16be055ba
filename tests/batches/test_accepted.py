"""The list of batches that training takes."""

import threading
from collections.abc import Callable

import pytest

from reco_assets.batches.accepted import Accepted, accept_waiting, accepted, waiting
from reco_assets.batches.receipt_files import Receipt
from reco_assets.batches.receipts import write_receipts
from reco_assets.build import build_definitions
from reco_assets.drift.reports import write_report
from reco_assets.runner.run import materialize_assets
from reco_assets.tables import LEDGER
from resources.tables.lakehouse import Lakehouse


@pytest.fixture
def receive(lakehouse: Lakehouse) -> Callable[..., None]:
    """Leave receipts, as intake does; `landed` is the time of the first, in ns, the others follow."""

    def write(*batches: str, landed: int = 1) -> None:
        for at, batch in enumerate(batches):
            write_receipts(lakehouse.root, [Receipt(batch, f"{batch}.csv", landed + at, 10, 1, 1, 0, 0, 1, 0, 1)])

    return write


def names(lakehouse: Lakehouse) -> list[str]:
    return [receipt.batch for receipt in waiting(lakehouse)]


def test_where_nothing_was_taken_in_nothing_waits_and_nothing_is_accepted(lakehouse: Lakehouse) -> None:
    assert (accepted(lakehouse.root), waiting(lakehouse), accept_waiting(lakehouse, "r1")) == ([], [], [])
    assert not lakehouse.path(str(LEDGER)).exists()


def test_batches_wait_in_the_order_of_intake(lakehouse: Lakehouse, receive: Callable[..., None]) -> None:
    receive("first", landed=9)
    receive("b", "a", landed=1)
    assert names(lakehouse) == ["first", "b", "a"]


def test_whatever_waits_is_accepted_with_the_report_that_called_for_it(
    lakehouse: Lakehouse, receive: Callable[..., None]
) -> None:
    receive("a", "b")
    assert accept_waiting(lakehouse, "r1") == ["a", "b"]
    assert accepted(lakehouse.root) == [Accepted("a", "r1"), Accepted("b", "r1")]
    assert names(lakehouse) == []


def test_the_list_only_grows_at_its_end(lakehouse: Lakehouse, receive: Callable[..., None]) -> None:
    receive("late", landed=9)
    accept_waiting(lakehouse, "r1")
    receive("early", landed=1)
    assert accept_waiting(lakehouse, "r2") == ["early"]
    assert accept_waiting(lakehouse, "r3") == []
    assert accepted(lakehouse.root) == [Accepted("late", "r1"), Accepted("early", "r2")]


def test_two_that_accept_at_once_accept_each_batch_once(lakehouse: Lakehouse, receive: Callable[..., None]) -> None:
    batches = [f"b{number}" for number in range(20)]
    receive(*batches)
    found: list[list[str]] = []
    threads = [threading.Thread(target=lambda: found.append(accept_waiting(lakehouse, "r"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.batch for entry in accepted(lakehouse.root)] == batches
    assert sorted(map(len, found)) == [0, 0, 0, 20]


@pytest.mark.parametrize(("asked", "recorded"), [({"report": "the-report"}, "the-report"), ({}, "by_hand")])
def test_what_is_accepted_at_once_is_recorded_with_the_report_that_is_named_or_as_done_by_hand(
    lakehouse: Lakehouse, receive: Callable[..., None], asked: dict[str, str], recorded: str
) -> None:
    receive("a")
    report = {"report_id": "the-report", "should_retrain": False, "reason": "below the threshold"}
    write_report(lakehouse.settings, report, "")
    materialize_assets(
        build_definitions,
        lakehouse.settings,
        ("stream/accepted",),
        config={"stream__accepted": {"accept": "ALWAYS"} | asked},
    )
    assert accepted(lakehouse.root) == [Accepted("a", recorded)]

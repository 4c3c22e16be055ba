"""Decisions on batches: withdrawn ones count nowhere until that is taken back, and nothing they held is lost."""

import json
from collections.abc import Callable

import pytest

from reco_assets.batches.accepted import (
    Waiting,
    accept_waiting,
    accepted,
    settled_among,
    taken_back,
    waiting,
    waiting_batches,
    waiting_totals,
)
from reco_assets.batches.ledger import LedgerError
from reco_assets.batches.receipt_files import Receipt
from reco_assets.batches.receipts import write_receipts
from reco_assets.batches.withdrawn import decide, decisions, withdrawn
from reco_assets.tables import LEDGER, WITHDRAWALS
from resources.tables.lakehouse import Lakehouse


@pytest.fixture
def receive(lakehouse: Lakehouse) -> Callable[..., None]:
    """Leave receipts of three ratings each."""

    def write(*batches: str) -> None:
        write_receipts(
            lakehouse.root, [Receipt(batch, f"{batch}.csv", 1, 10, 3, 3, 0, 0, 2, 1, 1) for batch in batches]
        )

    return write


def test_a_withdrawn_batch_that_waits_is_never_accepted(lakehouse: Lakehouse, receive: Callable[..., None]) -> None:
    receive("a", "b", "c")
    assert decide(lakehouse, "withdraw", ["b"], "a bot's") == ["b"]
    assert waiting_batches(lakehouse) == ("a", "c")
    assert [receipt.batch for receipt in waiting(lakehouse)] == ["a", "c"]
    assert waiting_totals(lakehouse) == Waiting(2, 6)
    assert accept_waiting(lakehouse, "report") == ["a", "c"]


def test_a_withdrawn_batch_is_accepted_no_more_and_in_its_old_place_once_it_counts_again(
    lakehouse: Lakehouse, receive: Callable[..., None]
) -> None:
    receive("a", "b")
    accept_waiting(lakehouse, "report")
    decide(lakehouse, "withdraw", ["a"], "wrong")
    assert [each.batch for each in accepted(lakehouse.root)] == ["b"]
    assert taken_back(lakehouse.root) == ["a"]
    decide(lakehouse, "reinstate", ["a"], "right after all")
    assert [each.batch for each in accepted(lakehouse.root)] == ["a", "b"]
    assert taken_back(lakehouse.root) == []


def test_deciding_again_changes_nothing_and_every_decision_stays_with_its_reason(
    lakehouse: Lakehouse, receive: Callable[..., None]
) -> None:
    receive("a", "a+2")
    decide(lakehouse, "withdraw", ["a"], "wrong")
    assert decide(lakehouse, "withdraw", ["a"], "again") == []
    assert decide(lakehouse, "withdraw", ["a", "a+2"], "all of it") == ["a+2"]
    assert decide(lakehouse, "reinstate", ["a"], "") == ["a"]
    found = [(each.action, each.batches, each.reason) for each in decisions(lakehouse.root)]
    assert found == [
        ("withdraw", ("a",), "wrong"),
        ("withdraw", ("a+2",), "all of it"),
        ("reinstate", ("a",), ""),
    ]
    assert withdrawn(lakehouse.root).keys() == {"a+2"}


def test_a_ledger_that_is_made_anew_knows_what_was_withdrawn(
    lakehouse: Lakehouse, receive: Callable[..., None]
) -> None:
    receive("a", "b")
    decide(lakehouse, "withdraw", ["a"], "wrong")
    lakehouse.path(str(LEDGER)).unlink()
    assert waiting_batches(lakehouse) == ("b",)


def test_neither_withdrawn_nor_accepted_batches_are_waited_for(
    lakehouse: Lakehouse, receive: Callable[..., None]
) -> None:
    receive("a")
    accept_waiting(lakehouse, "report")
    receive("b", "c")
    decide(lakehouse, "withdraw", ["b"], "wrong")
    assert settled_among(lakehouse.root, {"a", "b", "c", "unknown"}) == {"a", "b"}


def test_a_damaged_decision_stops_who_would_let_its_batch_in_and_is_named(
    lakehouse: Lakehouse, receive: Callable[..., None]
) -> None:
    receive("a")
    decide(lakehouse, "withdraw", ["a"], "wrong")
    path = lakehouse.root / WITHDRAWALS / "000001.json"
    path.write_text(json.dumps({"action": "forgive"}))
    with pytest.raises(LedgerError, match=r"000001\.json is damaged .*reco stream withdraw"):
        accept_waiting(lakehouse, "report")

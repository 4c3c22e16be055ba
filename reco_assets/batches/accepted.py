"""Which batches training takes: a list in the order of acceptance, written before any of their rows is merged.

So a run that dies between deciding and merging leaves the decision behind, and whoever runs next carries it out.
The list only grows: what stands before a batch in it was accepted before it. A batch that was withdrawn keeps its
place in it, and is neither accepted nor waiting until the withdrawal is taken back.
"""

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reco_assets.batches.ledger import change, query
from reco_assets.batches.receipt_files import Receipt, parsed
from reco_assets.batches.recovery import accept
from reco_assets.batches.withdrawn import LOCK, withdrawn
from reco_assets.steps import reached
from resources.tables.lakehouse import Lakehouse

STEPS = ("batches_accepted",)
_WAITING = "FROM batches WHERE receipt IS NOT NULL AND accepted IS NULL"
_NOT_AMONG = "AND batch NOT IN (SELECT value FROM json_each(?))"
_AT_ONCE = 500


@dataclass(frozen=True)
class Accepted:
    """A batch that training takes, and the drift report that it was accepted on."""

    batch: str
    report: str


@dataclass(frozen=True)
class Waiting:
    """How many batches wait, and how many good rows they hold."""

    batches: int
    rows: int


def accepted(root: Path) -> list[Accepted]:
    """The batches that training takes, in the order of their acceptance. Raises `LedgerError`."""
    sql, out = "SELECT batch, report FROM batches WHERE accepted IS NOT NULL ORDER BY accepted", withdrawn(root)
    return [Accepted(*row) for row in query(root, sql) if row[0] not in out]


def taken_back(root: Path) -> list[str]:
    """The batches that were accepted and are withdrawn now, in the order of their acceptance. Raises `LedgerError`."""
    out = json.dumps([*withdrawn(root)])
    sql = "SELECT batch FROM batches WHERE accepted IS NOT NULL AND batch IN (SELECT value FROM json_each(?))"
    return [batch for (batch,) in query(root, f"{sql} ORDER BY accepted", (out,))]


def accepted_newest_first(root: Path) -> Iterator[str]:
    """The batches that were ever accepted, the last first, read as far as they are asked for; also withdrawn ones.

    Raises `LedgerError`.
    """
    sql = "SELECT batch, accepted FROM batches WHERE accepted < ? ORDER BY accepted DESC LIMIT ?"
    before = 2**62
    while some := query(root, sql, (before, _AT_ONCE)):
        yield from (batch for batch, _ in some)
        before = some[-1][1]


def settled_among(root: Path, batches: Collection[str]) -> set[str]:
    """Which of the batches wait no more: training takes them, or they were withdrawn. Raises `LedgerError`."""
    sql = "SELECT batch FROM batches WHERE accepted IS NOT NULL AND batch IN (SELECT value FROM json_each(?))"
    accepted_ones = {batch for (batch,) in query(root, sql, (json.dumps([*batches]),))}
    return accepted_ones | (withdrawn(root).keys() & set(batches))


def waiting(lakehouse: Lakehouse) -> list[Receipt]:
    """The batches taken in and not accepted yet, in the order of intake. Raises `LedgerError`."""
    return [parsed(text) for (text,) in _query_waiting(lakehouse.root, "receipt", "ORDER BY number")]


def waiting_batches(lakehouse: Lakehouse) -> tuple[str, ...]:
    """The names of the waiting batches, in the order of intake. Raises `LedgerError`."""
    return tuple(batch for (batch,) in _query_waiting(lakehouse.root, "batch", "ORDER BY number"))


def waiting_totals(lakehouse: Lakehouse) -> Waiting:
    """How much waits, without reading a receipt. Raises `LedgerError`."""
    rows = _query_waiting(lakehouse.root, "count(*), coalesce(sum(good), 0)")
    return Waiting(*rows[0]) if rows else Waiting(0, 0)


def accepted_reports(root: Path) -> set[str]:
    """The drift reports that batches were accepted on. Raises `LedgerError`."""
    return {report for (report,) in query(root, "SELECT DISTINCT report FROM batches WHERE accepted IS NOT NULL")}


def accept_waiting(lakehouse: Lakehouse, report: str) -> list[str]:
    """Accept every waiting batch on the word of a drift report; returns the new ones, in the order of intake.

    Raises `LedgerError`.
    """

    def take(ledger: sqlite3.Connection) -> list[str]:
        new = [batch for (batch,) in ledger.execute(*_waiting_sql(lakehouse.root, "batch", "ORDER BY number"))]
        for batch in new:
            accept(ledger, batch, report)
        return new

    with lakehouse.lock(LOCK):
        new = change(lakehouse.root, take) if waiting_totals(lakehouse).batches else []
    reached("batches_accepted")
    return new


def _query_waiting(root: Path, what: str, order: str = "") -> list[tuple[Any, ...]]:
    return query(root, *_waiting_sql(root, what, order))


def _waiting_sql(root: Path, what: str, order: str) -> tuple[str, tuple[str, ...]]:
    return f"SELECT {what} {_WAITING} {_NOT_AMONG} {order}", (json.dumps([*withdrawn(root)]),)


def set_name(batches: Iterable[str]) -> str:
    """One short name for batches in their order: what reports and run tags hold in place of a list."""
    return hashlib.sha256("\n".join(batches).encode()).hexdigest()[:16]

"""Which batches training takes: a list in the order of acceptance, written before any of their rows is merged.

So a run that dies between deciding and merging leaves the decision behind, and whoever runs next carries it out.
The list only grows: what stands before a batch in it was accepted before it.
"""

import hashlib
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reco_assets.batches.ledger import change, query
from reco_assets.batches.receipt_files import Receipt, parsed
from reco_assets.batches.recovery import accept
from reco_assets.steps import reached
from resources.tables.lakehouse import Lakehouse

LOCK = "stream/accepted"
STEPS = ("batches_accepted",)
_WAITING = "FROM batches WHERE receipt IS NOT NULL AND accepted IS NULL"
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
    sql = "SELECT batch, report FROM batches WHERE accepted IS NOT NULL ORDER BY accepted"
    return [Accepted(*row) for row in query(root, sql)]


def accepted_newest_first(root: Path) -> Iterator[str]:
    """The batches that training takes, the last accepted first, read as far as they are asked for.

    Raises `LedgerError`.
    """
    sql = "SELECT batch, accepted FROM batches WHERE accepted < ? ORDER BY accepted DESC LIMIT ?"
    before = 2**62
    while some := query(root, sql, (before, _AT_ONCE)):
        yield from (batch for batch, _ in some)
        before = some[-1][1]


def accepted_among(root: Path, batches: Collection[str]) -> set[str]:
    """Which of the batches training takes. Raises `LedgerError`."""
    wanted, found = sorted(batches), set[str]()
    for at in range(0, len(wanted), _AT_ONCE):
        some = wanted[at : at + _AT_ONCE]
        marks = ",".join("?" * len(some))
        sql = f"SELECT batch FROM batches WHERE accepted IS NOT NULL AND batch IN ({marks})"
        found |= {batch for (batch,) in query(root, sql, some)}
    return found


def waiting(lakehouse: Lakehouse) -> list[Receipt]:
    """The batches taken in and not accepted yet, in the order of intake. Raises `LedgerError`."""
    return [parsed(text) for (text,) in query(lakehouse.root, f"SELECT receipt {_WAITING} ORDER BY number")]


def waiting_batches(lakehouse: Lakehouse) -> tuple[str, ...]:
    """The names of the waiting batches, in the order of intake. Raises `LedgerError`."""
    return tuple(batch for (batch,) in query(lakehouse.root, f"SELECT batch {_WAITING} ORDER BY number"))


def waiting_totals(lakehouse: Lakehouse) -> Waiting:
    """How much waits, without reading a receipt. Raises `LedgerError`."""
    rows = query(lakehouse.root, f"SELECT count(*), coalesce(sum(good), 0) {_WAITING}")
    return Waiting(*rows[0]) if rows else Waiting(0, 0)


def accepted_reports(root: Path) -> set[str]:
    """The drift reports that batches were accepted on. Raises `LedgerError`."""
    return {report for (report,) in query(root, "SELECT DISTINCT report FROM batches WHERE accepted IS NOT NULL")}


def accept_waiting(lakehouse: Lakehouse, report: str) -> list[str]:
    """Accept every waiting batch on the word of a drift report; returns the new ones, in the order of intake.

    Raises `LedgerError`.
    """

    def take(ledger: sqlite3.Connection) -> list[str]:
        new = [batch for (batch,) in ledger.execute(f"SELECT batch {_WAITING} ORDER BY number").fetchall()]
        for batch in new:
            accept(ledger, batch, report)
        return new

    with lakehouse.lock(LOCK):
        new = change(lakehouse.root, take) if waiting_totals(lakehouse).batches else []
    reached("batches_accepted")
    return new


def set_name(batches: Iterable[str]) -> str:
    """One short name for batches in their order: what reports and run tags hold in place of a list."""
    return hashlib.sha256("\n".join(batches).encode()).hexdigest()[:16]

"""Which batches were taken in, and what each holds: the ledger's rows as receipts, in the order of intake.

The receipt is entered last, so a batch that has one is complete.
"""

import sqlite3
import warnings
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reco_assets.batches.ledger import change, query
from reco_assets.batches.receipt_files import Receipt, copy_path, parsed, read_copy, receipt_text, write_copy
from reco_assets.tables import RECEIPTS
from resources.errors import RecoError
from resources.files import set_aside

FOLLOW_UP = "+"  # between the sha256 of a file and the number of a batch that a replay of it brought back
_AT_ONCE = 500  # values in one statement; sqlite takes 32,766


class ReceiptError(RecoError):
    """There is no such receipt; the message names the batch."""


@dataclass(frozen=True)
class Progress:
    """How far a batch came: when its intake began (Unix nanoseconds, None where that isn't known), and whether it is
    complete for certain.
    """

    taken_ns: int | None
    complete: bool


def progress_of(root: Path, batch: str) -> Progress | None:
    """How far a batch came; None for one that was never begun. Raises `LedgerError`."""
    sql = "SELECT taken_ns, receipt IS NOT NULL AND sure FROM batches WHERE batch = ?"
    found = query(root, sql, (batch,))
    return Progress(found[0][0], bool(found[0][1])) if found else None


def begin(root: Path, batches: Mapping[str, int]) -> int:
    """Enter batches, with the time of their intake, before any of their rows is staged.

    Those that are entered already stay as they are. Returns the newest number in the ledger. Raises `LedgerError`.
    """

    def enter(ledger: sqlite3.Connection) -> int:
        ledger.executemany("INSERT OR IGNORE INTO batches (batch, taken_ns) VALUES (?, ?)", list(batches.items()))
        (newest,) = ledger.execute("SELECT coalesce(max(number), 0) FROM batches").fetchone()
        return int(newest)

    return change(root, enter)


def family(root: Path, batch: str) -> list[str]:
    """A batch and what replays of it brought back, in the order of intake. Raises `LedgerError`."""
    sql = "SELECT batch FROM batches WHERE batch = ? OR batch >= ? AND batch < ? ORDER BY number"
    beyond = f"{batch}{chr(ord(FOLLOW_UP) + 1)}"
    return [name for (name,) in query(root, sql, (batch, f"{batch}{FOLLOW_UP}", beyond))]


def newest_number(root: Path) -> int:
    """The number of the last batch that was begun, 0 before the first. Raises `LedgerError`."""
    found = query(root, "SELECT coalesce(max(number), 0) FROM batches")
    return int(found[0][0]) if found else 0


def write_receipts(root: Path, receipts: Iterable[Receipt], *, certain: bool = True) -> None:
    """Enter receipts in one transaction, in place of those that their batches had; then write their copies.

    `certain`: every line of the batches' files was seen, so they are complete, whatever was known of them before.
    Raises `LedgerError`.
    """
    written = list(receipts)

    def enter(ledger: sqlite3.Connection) -> list[int]:
        return [_enter(ledger, receipt, certain) for receipt in written]

    (root / RECEIPTS).mkdir(parents=True, exist_ok=True)
    for receipt, number in zip(written, change(root, enter), strict=True):
        write_copy(root, receipt, number)


def read_receipt(root: Path, batch: str) -> Receipt:
    """The batch's receipt. Raises `ReceiptError` when there is none, `LedgerError`."""
    found = receipts(root, {batch})
    if not found:
        raise ReceiptError(f"There is no receipt of batch {batch}: it was never taken in.")
    return found[0]


def received_batches(root: Path) -> set[str]:
    """The batches that were taken in. Raises `LedgerError`."""
    return {batch for (batch,) in query(root, "SELECT batch FROM batches WHERE receipt IS NOT NULL")}


def receipts(root: Path, batches: Collection[str] | None = None) -> list[Receipt]:
    """The receipts of these batches, or all, in the order of intake. Raises `LedgerError`."""
    sql, order = "SELECT number, receipt FROM batches WHERE receipt IS NOT NULL", " ORDER BY number"
    if batches is None:
        return [parsed(text) for _, text in query(root, sql + order)]
    wanted, found = sorted(batches), list[tuple[int, str]]()
    for at in range(0, len(wanted), _AT_ONCE):
        some = wanted[at : at + _AT_ONCE]
        found += query(root, f"{sql} AND batch IN ({','.join('?' * len(some))})", some)
    return [parsed(text) for _, text in sorted(found)]


def good_rows(root: Path, batches: Collection[str]) -> dict[str, int] | None:
    """How many rows each of the batches has in stream/ratings; None where one of them has no receipt.

    Raises `LedgerError`.
    """
    wanted, found = sorted(set(batches)), dict[str, int]()
    for at in range(0, len(wanted), _AT_ONCE):
        some = wanted[at : at + _AT_ONCE]
        sql = f"SELECT batch, good FROM batches WHERE receipt IS NOT NULL AND batch IN ({','.join('?' * len(some))})"
        found |= dict(query(root, sql, some))
    return found if len(found) == len(wanted) else None


def mend_copy(root: Path, batch: str) -> None:
    """Write the copy of a receipt anew if it cannot be read; the damaged one is kept beside it.

    Raises `LedgerError`.
    """
    path = copy_path(root, batch)
    try:
        read_copy(path)
    except FileNotFoundError:
        return  # old copies are swept
    except (ValueError, OSError) as error:
        kept = set_aside(path)
        warnings.warn(f"{path} is damaged ({error}). It is kept as {kept.name} and written anew.", stacklevel=2)
        for number, text in query(root, "SELECT number, receipt FROM batches WHERE batch = ?", (batch,)):
            write_copy(root, parsed(text), number)


def _enter(ledger: sqlite3.Connection, receipt: Receipt, certain: bool) -> int:
    found = ledger.execute("SELECT number FROM batches WHERE batch = ?", (receipt.batch,)).fetchone()
    if not found:
        sql = "INSERT INTO batches (batch) VALUES (?) RETURNING number"
        found = ledger.execute(sql, (receipt.batch,)).fetchone()
    number = int(found[0])
    values = (receipt.source, receipt.good, receipt_text(receipt), certain, number)
    ledger.execute("UPDATE batches SET source = ?, good = ?, receipt = ?, sure = max(sure, ?) WHERE number = ?", values)
    return number

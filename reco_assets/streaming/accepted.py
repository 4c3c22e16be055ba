"""Which batches training takes: an ordered list, written before any of their rows is merged.

So a run that dies between deciding and merging leaves the decision behind, and whoever runs next carries it out.
The list only grows: what stands before a batch in it was accepted before it.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from reco_assets.streaming.receipts import Receipt, receipts, received_batches
from reco_assets.streaming.steps import reached
from resources.atomic_files import write_json
from resources.errors import RecoError
from resources.lakehouse import Lakehouse

LOCK = "stream/accepted"
FILE = Path("stream", "accepted.json")
STEPS = ("batches_accepted",)


class AcceptedError(RecoError):
    """The list cannot be read; the message names the file."""


@dataclass(frozen=True)
class Accepted:
    """A batch that training takes, and the drift report that it was accepted on."""

    batch: str
    report: str


def accepted(root: Path) -> list[Accepted]:
    """The batches that training takes, in the order of their acceptance. Raises `AcceptedError`."""
    path = root / FILE
    try:
        return [Accepted(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError) as error:
        raise AcceptedError(
            f"{path} is damaged ({error}). Restore it from a backup; without it, all batches wait again."
        ) from None


def waiting(lakehouse: Lakehouse) -> list[Receipt]:
    """The batches taken in and not accepted yet, the oldest first. Raises `AcceptedError`, `ReceiptError`."""
    taken = {entry.batch for entry in accepted(lakehouse.root)}
    return receipts(lakehouse.root, received_batches(lakehouse.root) - taken)


def accept_waiting(lakehouse: Lakehouse, report: str) -> list[str]:
    """Accept every waiting batch on the word of a drift report; returns the new ones, the oldest first.

    Raises `AcceptedError`, `ReceiptError`.
    """
    with lakehouse.lock(LOCK):
        before = accepted(lakehouse.root)
        new = [Accepted(receipt.batch, report) for receipt in waiting(lakehouse)]
        if new:
            write_json(lakehouse.root / FILE, [asdict(entry) for entry in (*before, *new)])
    reached("batches_accepted")
    return [entry.batch for entry in new]

"""Batches as people name and see them: one by its sha256, the beginning of it or its file; all, with how they stand."""

import json
import re
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from reco_assets.batches.ledger import query
from reco_assets.batches.receipt_files import Receipt, parsed
from reco_assets.batches.receipts import FOLLOW_UP
from reco_assets.batches.withdrawn import withdrawn
from resources.errors import RecoError

_SHOWN = 10
SHORT = 12  # characters of a sha256 that people are shown


class BatchNameError(RecoError):
    """There is no such batch, or more than one; the message names them."""


@dataclass(frozen=True)
class Listed:
    """A batch and how it stands. `taken_ts`: when its intake began (ISO 8601, UTC; empty where that isn't known);
    `accepted`: whether it ever was, as of a batch that was withdrawn since; `why`: the reason of its withdrawal.
    """

    receipt: Receipt
    taken_ts: str
    accepted: bool
    state: Literal["waits", "accepted", "withdrawn"]
    why: str = ""

    @property
    def name(self) -> str:
        """As people are shown it, and may name it."""
        file, plus, number = self.receipt.batch.partition(FOLLOW_UP)
        return f"{file[:SHORT]}{plus}{number}"

    def document(self) -> dict[str, Any]:
        """As plain JSON."""
        return {**asdict(self.receipt), "taken_ts": self.taken_ts, "state": self.state, "why": self.why}


def find_batch(root: Path, text: str, prefer: Callable[[str], bool] | None = None) -> str:
    """The batch that a sha256, the beginning of one, or a file's name stands for.

    Of several files of one name it is the one that is preferred, if that is one. Raises `BatchNameError`,
    `LedgerError`.
    """
    text = text.strip().partition(FOLLOW_UP)[0]
    sql = "SELECT batch, source FROM batches WHERE receipt IS NOT NULL AND instr(batch, '+') = 0"
    found: list[tuple[str, str]] = []
    if re.fullmatch("[0-9a-f]{4,64}", text):
        found = query(root, f"{sql} AND batch >= ? AND batch < ?", (text, f"{text}g"))
    if not found:
        found = query(root, f"{sql} AND source = ?", (text,))
        preferred = [row for row in found if prefer and prefer(row[0])]
        found = preferred if len(preferred) == 1 else found
    if len(found) == 1:
        return found[0][0]
    if not found:
        raise BatchNameError(
            f"No batch {text!r} was taken in. Name its sha256, the first characters of it, or the file it came from. "
            "See which there are: reco stream list."
        )
    names = ", ".join(f"{batch[:SHORT]} ({source})" for batch, source in found[:_SHOWN])
    raise BatchNameError(f"{text!r} stands for {len(found)} batches: {names}. Name one by its sha256.")


def listed(root: Path, batches: Collection[str] | None = None, newest: int = -1) -> list[Listed]:
    """These batches, or all, or the newest of them, in the order of intake, as far as they are complete.

    Raises `LedgerError`.
    """
    among = "" if batches is None else "AND batch IN (SELECT value FROM json_each(?))"
    sql = "SELECT receipt, taken_ns, accepted IS NOT NULL FROM batches WHERE receipt IS NOT NULL"
    values = ([] if batches is None else [json.dumps([*batches])]) + [newest]
    found, out = query(root, f"{sql} {among} ORDER BY number DESC LIMIT ?", values), withdrawn(root)
    lines = list[Listed]()
    for text, taken_ns, was_accepted in reversed(found):
        receipt, accepted = parsed(text), bool(was_accepted)
        taken = datetime.fromtimestamp(taken_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if taken_ns else ""
        if decision := out.get(receipt.batch):
            lines.append(Listed(receipt, taken, accepted, "withdrawn", decision.reason))
        else:
            lines.append(Listed(receipt, taken, accepted, "accepted" if accepted else "waits"))
    return lines

"""Which batches were withdrawn: decisions of people, one small file each, that are added and never changed or removed.

The ledger is made anew from what else is there, so a decision lies beside it. Of several on a batch the last one
stands. Whatever a batch held stays where it is; it only counts no more.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from reco_assets.batches.ledger import LedgerError
from reco_assets.steps import reached
from reco_assets.tables import WITHDRAWALS
from resources.documents import DocumentError, read_document
from resources.files import write_json
from resources.tables.lakehouse import Lakehouse

LOCK = "stream/accepted"
STEPS = ("batches_decided",)
Action = Literal["withdraw", "reinstate"]


@dataclass(frozen=True)
class Decision:
    """What a person decided on batches, why, and when (ISO 8601, UTC)."""

    action: Action
    batches: tuple[str, ...]
    reason: str
    decided_ts: str

    @property
    def when_and_why(self) -> str:
        """As people are told."""
        return f"at {self.decided_ts}{f' ({self.reason})' if self.reason else ''}"


def decisions(root: Path) -> list[Decision]:
    """All decisions, the oldest first. Raises `LedgerError` where one cannot be read."""
    return [_read(path) for path in _files(root)]


def withdrawn(root: Path) -> dict[str, Decision]:
    """The batches that are withdrawn now, each with the decision on it. Raises `LedgerError`."""
    found: dict[str, Decision] = {}
    for decision in decisions(root):
        for batch in decision.batches:
            if decision.action == "withdraw":
                found[batch] = decision
            else:
                found.pop(batch, None)
    return found


def decide(lakehouse: Lakehouse, action: Action, batches: Collection[str], reason: str) -> list[str]:
    """Withdraw batches, or take their withdrawal back; returns those for which that is new.

    What is decided already isn't decided again, and a decision on several batches is one file: all of it or nothing.
    Raises `LedgerError`.
    """
    with lakehouse.lock(LOCK):
        out = withdrawn(lakehouse.root)
        new = [batch for batch in batches if (batch in out) == (action == "reinstate")]
        if new:
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            number = max((int(path.stem) for path in _files(lakehouse.root)), default=0) + 1
            folder = lakehouse.root / WITHDRAWALS
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / f"{number:06}.json", asdict(Decision(action, tuple(new), reason, now)))
    reached("batches_decided")
    return new


def _files(root: Path) -> list[Path]:
    """By their numbers: one of seven digits comes after one of six."""
    named = (path for path in (root / WITHDRAWALS).glob("*.json") if path.stem.isdecimal())
    return sorted(named, key=lambda path: int(path.stem))


def _read(path: Path) -> Decision:
    try:
        return read_document(path, Decision)
    except (DocumentError, OSError) as error:
        raise LedgerError(
            f"{error}. It says which batches were withdrawn: restore it from a backup; or remove it, and withdraw them "
            "again: reco stream withdraw."
        ) from error

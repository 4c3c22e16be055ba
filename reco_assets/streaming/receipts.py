"""Receipts: one small file per batch, which says that the batch is staged and what it holds.

The receipt is written last, so a batch that has one is complete.
"""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from resources.atomic_files import write_json
from resources.errors import RecoError

FOLDER = Path("stream", "receipts")


class ReceiptError(RecoError):
    """A receipt cannot be read; the message names the file."""


@dataclass(frozen=True)
class Receipt:
    """A batch (the sha256 of its content) as it was taken in: lines = good + quarantined + duplicates, good = train +
    test. `landed_ns`: when the file was last written, Unix nanoseconds; `users`: distinct ones of the good rows.
    """

    batch: str
    source: str
    landed_ns: int
    size_bytes: int
    lines: int
    good: int
    quarantined: int
    duplicates: int
    train: int
    test: int
    users: int


def write_receipt(root: Path, receipt: Receipt) -> None:
    """Write the batch's receipt under the lakehouse's root, atomically."""
    write_json(_path(root, receipt.batch), asdict(receipt))


def has_receipt(root: Path, batch: str) -> bool:
    """Whether the batch was taken in."""
    return _path(root, batch).exists()


def read_receipt(root: Path, batch: str) -> Receipt:
    """The batch's receipt. Raises `ReceiptError` when there is none or when it is damaged."""
    path = _path(root, batch)
    try:
        return Receipt(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ReceiptError(f"There is no receipt {path}: that batch was never taken in.") from None
    except (ValueError, TypeError) as error:
        raise ReceiptError(f"{path} is not a receipt ({error}); restore it from a backup.") from None


def received_batches(root: Path) -> set[str]:
    """The batches that were taken in: lists a folder, reads nothing."""
    return {path.stem for path in (root / FOLDER).glob("[!.]*.json")}


def receipts(root: Path, batches: Collection[str] | None = None) -> list[Receipt]:
    """The receipts of these batches, or all, ordered by (landed_ns, batch). Raises `ReceiptError`."""
    found = [read_receipt(root, batch) for batch in (received_batches(root) if batches is None else batches)]
    return sorted(found, key=lambda receipt: (receipt.landed_ns, receipt.batch))


def _path(root: Path, batch: str) -> Path:
    return root / FOLDER / f"{batch}.json"

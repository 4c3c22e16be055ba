"""A batch's receipt, and the small JSON file that shows it to people: a copy of what the ledger says."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from reco_assets.tables import RECEIPTS
from resources.files import write_json
from resources.paths.identifiers import identifier

# What receipts add up.
COUNTED = ("lines", "good", "quarantined", "duplicates", "forgotten", "corrections", "train", "test")


@dataclass(frozen=True)
class Receipt:
    """A batch (the sha256 of its content) as it was taken in.

    lines = good + quarantined + duplicates + forgotten (those of users who were forgotten), good = train + test.
    `landed_ns`: when the file was last written, Unix nanoseconds; `users`: distinct ones of the good rows; `intake`: an
    id that the batches of one intake run share, empty where that isn't known; `corrections`: the good rows that gave an
    earlier rating of the same user, movie and time another value.
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
    intake: str = ""
    corrections: int = 0
    forgotten: int = 0


def receipt_of(document: Any) -> Receipt:
    """A receipt from its JSON; fields of another release are left out. Raises `ValueError` for anything else."""
    if not isinstance(document, Mapping):
        raise ValueError("it is no object")
    facts = {field.name: document[field.name] for field in fields(Receipt) if field.name in document}
    try:
        receipt = Receipt(**facts)
    except TypeError as error:
        raise ValueError(str(error)) from None
    for field in fields(Receipt):
        if type(getattr(receipt, field.name)) is not field.type:
            raise ValueError(f"{field.name} is {getattr(receipt, field.name)!r}")
    if receipt.lines != receipt.good + receipt.quarantined + receipt.duplicates + receipt.forgotten:
        raise ValueError("its lines are not its good, quarantined, duplicate and forgotten ones")
    return receipt


def receipt_text(receipt: Receipt) -> str:
    """A receipt as the ledger holds it."""
    return json.dumps(asdict(receipt))


def parsed(text: str) -> Receipt:
    """A receipt as the ledger holds it; fields of a newer release are left out."""
    known = Receipt.__dataclass_fields__
    return Receipt(**{name: value for name, value in json.loads(text).items() if name in known})


def copy_path(root: Path, batch: str) -> Path:
    """Where the copy of a batch's receipt is. Raises `IdentifierError`."""
    return root / RECEIPTS / f"{identifier(batch, 'Batch')}.json"


def write_copy(root: Path, receipt: Receipt, number: int) -> None:
    """Write a receipt's copy, atomically, with the batch's number in the order of intake."""
    write_json(copy_path(root, receipt.batch), asdict(receipt) | {"number": number})


def read_copy(path: Path) -> tuple[Receipt, int | None]:
    """A receipt and its number (None: written before there were numbers). Raises `ValueError`, `OSError`."""
    document = json.loads(path.read_text(encoding="utf-8"))
    receipt = receipt_of(document)
    if receipt.batch != path.name.removesuffix(".json"):
        raise ValueError(f"it is of batch {receipt.batch}")
    number = document.get("number")
    return receipt, number if type(number) is int else None

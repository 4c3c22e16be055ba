"""The archived copies of what was taken in, by batch, and how many lines such a file has."""

from pathlib import Path

from reco_assets.tables import ARCHIVE
from reco_assets.tombstones import FORGOTTEN_LINE

_BLOCK_BYTES = 8 << 20


def archived_copy(root: Path, batch: str) -> Path:
    """Where the copy of a batch's file is, but for lines of forgotten users; it is swept once enough newer ones are."""
    return root / ARCHIVE / f"{batch}.csv"


def count_data_lines(path: Path) -> int:
    """Physical lines after the first, counted on bytes without a parser; a last line needs no newline."""
    newlines, last = 0, b"\n"
    with path.open("rb") as handle:
        while chunk := handle.read(_BLOCK_BYTES):
            newlines, last = newlines + chunk.count(b"\n"), chunk[-1:]
    return max(newlines + (last != b"\n") - 1, 0)


def count_forgotten(path: Path) -> int:
    """How many lines a mark stands in place of: those of users who were forgotten."""
    with path.open("rb") as handle:
        return sum(1 for line in handle if line.startswith(FORGOTTEN_LINE) and line.rstrip() == FORGOTTEN_LINE)

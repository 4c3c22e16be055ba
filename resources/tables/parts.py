"""Parts of a Parquet folder: written to disk under a hidden name first, so that several can be seen at once or none."""

import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from resources.files import flush_to_disk

_HIDDEN = ".part."


def write_part(folder: Path, rows: pa.Table) -> Path:
    """Write a hidden part to disk; returns its path. Whoever calls this is the folder's one writer."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_HIDDEN}*"):  # by a process that was killed
        left.unlink()
    hidden = folder / f"{_HIDDEN}{uuid.uuid4().hex}"
    pq.write_table(rows, hidden)
    flush_to_disk(hidden)
    return hidden


def place_part(hidden: Path, name: str) -> None:
    """Let a hidden part be seen, as `<name>.parquet`, in place of the one that has that name."""
    hidden.replace(hidden.with_name(f"{name}.parquet"))
    flush_to_disk(hidden.parent)

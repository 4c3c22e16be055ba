"""Plain Parquet for other programs: a folder of one file, replaced in one rename, that says what it was made of.

One file and not several, so that a reader finds the old rows or the new ones at every moment.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from resources.files import flush_to_disk, staged

PART = "part-00000.parquet"
_STAMP = b"reco_assets.published"


def publish(folder: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], stamp: str) -> None:
    """Replace what a folder holds with these rows; a failure leaves what was there.

    `stamp` says what the rows are, such as a table with its version. Whoever calls this is the folder's one writer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(f".{PART}.*"):  # of a writer that was killed
        leftover.unlink(missing_ok=True)
    stamped = schema.with_metadata({**(schema.metadata or {}), _STAMP: stamp.encode()})
    with staged(folder / PART) as temporary:
        with pq.ParquetWriter(temporary, stamped) as writer:
            for batch in batches:
                writer.write_batch(batch)
        flush_to_disk(temporary)
    flush_to_disk(folder)


def published_as(folder: Path) -> str | None:
    """The stamp of what a folder holds; None where the platform published nothing there."""
    with suppress(FileNotFoundError, NotADirectoryError, pa.ArrowInvalid):
        stamp = (pq.read_schema(folder / PART).metadata or {}).get(_STAMP)
        return None if stamp is None else stamp.decode()
    return None


def is_foreign(folder: Path) -> bool:
    """Whether a folder holds Parquet or a Delta table that the platform did not publish."""
    if not folder.is_dir():
        return False
    found = {path.relative_to(folder) for path in folder.rglob("*.parquet") if not path.name.startswith(".")}
    others = found - {Path(PART)}
    return bool(others) or (folder / "_delta_log").is_dir() or (bool(found) and published_as(folder) is None)

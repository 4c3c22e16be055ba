"""A CSV file that is given becomes parts of given folders, with what the platform's own tables are promised.

One writer at a time, other columns refused, what was there before a failure there after it, a pair on one side, and no
file deleted before all its lines are found again in what was written.
"""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from reco_assets.batches.sides import hashed_split
from reco_assets.given_files.tables import ROW, SIDE, first_sides, require_ratings, rows_by_arrival
from reco_assets.steps import reached
from reco_assets.streaming.handed_in import require_ready
from reco_assets.streaming.readable import require_readable_stream
from reco_assets.streaming.reader import ParsedFile, parse_stream_file
from reco_assets.vocabulary import LEARNED_SIDES
from resources.files import flush_to_disk
from resources.locking.folder_lock import folder_lock
from resources.settings import Settings
from resources.tables.files import LakehouseError, is_delta, table_exists
from resources.tables.parts import place_part, write_part

QUARANTINE, ARCHIVE = "quarantine", "archive"
# Where a run may be killed.
STEPS = ("given_parts_written", "given_parts_placed", "given_file_archived")


def process_file(settings: Settings, csv_path: Path, output: Path, *, move: bool) -> dict[str, Any]:
    """One CSV file into `<output>/{train,test,quarantine,archive}`; returns the counts. `move`: then delete the file.

    Every part is named after the content and numbered in the order of processing, so that doing it again replaces and
    never doubles. Raises `SourceError`, `LandingError`, `LakehouseError`, `FolderLockError`, `LockError`.
    """
    if not csv_path.is_file():
        raise LakehouseError(f"{csv_path} is no file. Give the path of a CSV file to --csv_path.")
    csv_path, output = csv_path.absolute(), output.absolute()
    require_ready(csv_path)
    before = _state(csv_path)
    with folder_lock(output, settings.storage.lock_timeout_seconds), _archived(csv_path, output / ARCHIVE) as batch:
        for side in LEARNED_SIDES:
            _require_parts(output / side)
        parsed = parse_stream_file(csv_path, time.time_ns())
        require_readable_stream(csv_path, parsed, settings.quality.quarantine_max_share)
        if _state(csv_path) != before:
            raise LakehouseError(f"{csv_path} was written to meanwhile. It stays; start again when it is complete.")
        parts = _by_side(parsed, batch, output, settings.streaming.train_ratio) | {QUARANTINE: parsed.quarantined}
        _write(output, _part_name(output, batch), parts, csv_path, parsed)
    reached("given_file_archived")
    if move and _state(csv_path) == before:
        csv_path.unlink()
    return {
        "batch": batch,
        "lines": parsed.lines,
        "good": len(parsed.good),
        "quarantined": len(parsed.quarantined),
        "duplicates": parsed.duplicates,
        **{side: len(parts[side]) for side in LEARNED_SIDES},
    }


@contextmanager
def _archived(csv_path: Path, archive: Path) -> Iterator[str]:
    """Copy a file aside, give its sha256, and once the block has succeeded put the copy into the archive."""
    archive.mkdir(exist_ok=True)
    copy = archive / ".copy"  # one name will do, as one process at a time is here
    try:
        copy.unlink(missing_ok=True)  # a link there must not be written through
        shutil.copyfile(csv_path, copy)
        flush_to_disk(copy)
        with copy.open("rb") as handle:
            batch = file_digest(handle, "sha256").hexdigest()
        yield batch
        copy.replace(archive / f"{batch}.csv")
        flush_to_disk(archive)
    finally:
        copy.unlink(missing_ok=True)


def _write(output: Path, name: str, parts: Mapping[str, pa.Table], csv_path: Path, parsed: ParsedFile) -> None:
    """Write all parts and count them, before any of them is seen. Raises `LakehouseError`."""
    staged: list[Path] = []
    try:
        for folder, rows in parts.items():
            staged.append(write_part(output / folder, rows))
        reached("given_parts_written")
        found = sum(pq.read_metadata(part).num_rows for part in staged)
        if found + parsed.duplicates != parsed.lines:
            raise LakehouseError(
                f"{csv_path}: {parsed.lines} data lines, but {found} rows written and {parsed.duplicates} duplicates. "
                "The file stays there; this is a fault of the platform, please report it with the file."
            )
        for part in staged:
            place_part(part, name)
        reached("given_parts_placed")
    finally:
        for part in staged:
            part.unlink(missing_ok=True)


def _by_side(parsed: ParsedFile, batch: str, output: Path, train_ratio: float) -> dict[str, pa.Table]:
    """The good rows of each side: the one on which the output has their pair, else by a hash."""
    rows = parsed.good.append_column("origin", pa.repeat(pa.scalar(batch), len(parsed.good))).select(ROW)
    known = rows_by_arrival({side: output / side for side in LEARNED_SIDES if table_exists(output / side)}, of=rows)
    hashed = hashed_split(rows["user_id"].to_numpy(), rows["movie_id"].to_numpy(), train_ratio)
    new = rows.append_column(SIDE, pa.array(hashed, pa.string())).cast(known.schema)
    sides = first_sides(pa.concat_tables([known, new]).combine_chunks())[len(known) :]
    return {side: rows.filter(pa.array(sides == side, pa.bool_())) for side in LEARNED_SIDES}


def _require_parts(folder: Path) -> None:
    """Raise `LakehouseError` unless parts of ratings may be added to what a folder holds."""
    if not folder.is_dir() or not table_exists(folder):
        return
    if is_delta(folder):
        raise LakehouseError(f"{folder} is a Delta table, to which no Parquet part is added. Give another path.")
    require_ratings(folder)


def _part_name(output: Path, batch: str) -> str:
    """The name that the batch's parts have already, else one after all that are there."""
    parts = [part.stem for folder in (*LEARNED_SIDES, QUARANTINE) for part in (output / folder).glob("[!.]*.parquet")]
    if earlier := [name for name in parts if name == batch or name.endswith(f"-{batch}")]:
        return earlier[0]
    numbers = [int(name[:8]) for name in parts if name[:8].isdecimal() and name[8:9] == "-"]
    return f"{max(numbers, default=0) + 1:08}-{batch}"


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns

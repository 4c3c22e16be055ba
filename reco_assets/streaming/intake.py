"""Intake: files of the streaming folder become staged rows, quarantined lines and receipts, each file once.

    landing -> _claimed/<id>/<name> -> stream/archive/<sha256>.csv -> stream/ratings, stream/quarantine (one commit per
    table for many files) -> a receipt in stream/ledger.sqlite -> the claimed file is deleted

State is what storage holds. A run may be killed anywhere: the next one starts again from the claimed files, and each
step finds what was done before it. A file is deleted only when its receipt, and all that it counts, is on disk.
"""

import hashlib
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac
from deltalake.exceptions import DeltaError
from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.silver.splits import TRAIN
from reco_assets.sources.source import SourceError
from reco_assets.streaming.corrections import count_corrections
from reco_assets.streaming.landing import (
    CLAIMED,
    LandingError,
    claim,
    claim_from,
    claimed_files,
    delete_claimed,
    is_complete,
    landed_files,
    open_regular,
    refuse,
    require_takeable,
    sweep_claims,
)
from reco_assets.streaming.last_values import KEY
from reco_assets.streaming.ledger import LedgerError, catch_up
from reco_assets.streaming.readable import require_readable_stream
from reco_assets.streaming.reader import ParsedFile, parse_stream_file
from reco_assets.streaming.receipts import (
    Progress,
    Receipt,
    begin,
    mend_copy,
    newest_number,
    progress_of,
    read_receipt,
    write_receipts,
)
from reco_assets.streaming.recovery import ARCHIVE, TRANSACTION, newest_transaction
from reco_assets.streaming.replay import Replayed, find_batch, finish_replays, replay_batch
from reco_assets.streaming.sides import split_pairs
from reco_assets.streaming.steps import reached
from reco_assets.streaming.upkeep import after_intake
from reco_assets.tables import STREAM, STREAM_QUARANTINE, STREAM_RATINGS
from resources.durable import flush_to_disk
from resources.errors import RecoError
from resources.lakehouse import Lakehouse
from resources.table_append import BATCH, Commit, append_batches, batch_rows, rows_of_files
from resources.table_files import TableSpec

LOCK = "stream/intake"
PARTIAL = "_partial"  # one name will do: the lock lets one run at a time write it
GROUP_BYTES = 64 << 20  # of files staged together: about 2 M rows
CHUNK_BYTES = 1 << 20
# Where a run may be killed, in the order in which a file passes.
STEPS = (
    "claimed",
    "refusal_explained",
    "archived",
    "ratings_staged",
    "quarantine_staged",
    "receipt_written",
    "original_deleted",
)


class IntakeError(RecoError):
    """Files could not be taken in; the message says which, why, and that they still lie where they were claimed."""


class NoFilesError(RecoError):
    """There is no file to take in; the message says where one belongs."""


@dataclass(frozen=True)
class Refusal:
    """A file without the documented header, or with too many bad lines; the error names the rule and where it lies."""

    name: str
    error: str


@dataclass(frozen=True)
class IntakeResult:
    """What one run did: batches received, names of files whose content was known before, files refused.

    `hints`: what to do about known content of which lines lie in quarantine; `replayed`: what became of a replay.
    """

    received: tuple[Receipt, ...] = ()
    known: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    hints: tuple[str, ...] = ()
    replayed: Replayed | None = None

    @property
    def seen(self) -> bool:
        """Whether there was a file at all."""
        return bool(self.received or self.known or self.refused)


@dataclass(frozen=True)
class _Original:
    """A claimed file as it was when its content was archived; the batch is that content's sha256."""

    path: Path
    batch: str
    size: int
    mtime_ns: int

    def is_unchanged(self) -> bool:
        """Whether the file is still what was archived."""
        found = self.path.lstat()
        return (found.st_size, found.st_mtime_ns) == (self.size, self.mtime_ns)


@dataclass(frozen=True)
class _Batch:
    """A batch to stage, the first file that holds it, and when its intake began (Unix nanoseconds).

    `resumed`: an earlier run may have staged rows of it.
    """

    original: _Original
    parsed: ParsedFile
    taken_ns: int
    resumed: bool


@dataclass(frozen=True)
class _Staged:
    """The files that staging added to stream/ratings and to stream/quarantine."""

    ratings: tuple[Path, ...]
    quarantine: tuple[Path, ...]


@dataclass
class _Run:
    """What a run did so far; `intake`: its id; `failed` are the errors of files that stay claimed."""

    intake: str = field(default_factory=lambda: uuid.uuid4().hex, compare=False)
    received: list[Receipt] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def result(self) -> IntakeResult:
        if self.failed:
            raise IntakeError("\n".join(self.failed))
        return IntakeResult(tuple(self.received), tuple(self.known), tuple(self.refused), tuple(self.hints))


def take_in(lakehouse: Lakehouse, names: Sequence[str] | None = None) -> IntakeResult:
    """Take in what earlier runs claimed and did not finish, then these files of the streaming folder.

    Without names: whatever is complete now, the least recently changed first, up to `intake_max_files`. Names whose
    file is gone (another run took it) or is not complete are left out.

    Raises `LandingError` for a name that can never be taken, `LakehouseError` on parquet storage, and `IntakeError`
    when a disk is full or lines are lost; files that were not taken in stay, and the next run goes on with them.
    """
    landing = lakehouse.settings.landing
    wanted = None if names is None else set(names)
    require_takeable(landing, wanted or ())
    with _only_intake(lakehouse):
        run = _resumed(lakehouse)
        landed = (file for file in landed_files(landing) if wanted is None or file.name in wanted)
        complete = (file.name for file in landed if is_complete(landing, file))
        limit = lakehouse.settings.intake_max_files if wanted is None else None
        _process(lakehouse, claim(landing, list(islice(complete, limit))), run)
    return run.result()


def take_in_again(lakehouse: Lakehouse, text: str) -> IntakeResult:
    """Take a batch in again under today's rules, named by its sha256, the beginning of it or its file's name.

    Rows that are good now, and were quarantined, wait as a batch of their own. Raises as `take_in`, and `ReplayError`.
    """
    with _only_intake(lakehouse):
        done = replay_batch(lakehouse, find_batch(lakehouse.root, text))
        back = [read_receipt(lakehouse.root, done.follow_up)] if done.follow_up else []
    return IntakeResult(tuple(back), replayed=done)


def take_in_file(lakehouse: Lakehouse, path: Path) -> IntakeResult:
    """Take in what earlier runs claimed, then one file that lies anywhere, under any name; it is deleted as others are.

    Who names a file says that it is complete. Raises as `take_in`, and `NoFilesError` when nothing is there.
    """
    with _only_intake(lakehouse):
        run = _resumed(lakehouse)
        if os.path.lexists(path):
            _process(lakehouse, [claim_from(lakehouse.settings.landing, path)], run)
        elif run == _Run():
            raise NoFilesError(f"{path} does not exist. Put a file DATE,CUST_ID,MOVIE_ID,RATING there.")
    return run.result()


@contextmanager
def _only_intake(lakehouse: Lakehouse) -> Iterator[None]:
    lakehouse.require_delta("Streaming intake")
    landing = lakehouse.settings.landing
    try:
        with lakehouse.lock(LOCK):
            sweep_claims(landing)
            for spec in STREAM:  # they are there even if nothing was ever streamed
                if not lakehouse.exists(spec.name):
                    append_batches(lakehouse, spec, to_arrow_schema(spec.schema, timezone="UTC").empty_table())
            if newest_transaction(lakehouse.root) > newest_number(lakehouse.root):
                catch_up(lakehouse.root)  # a ledger from a backup: what it doesn't know would be staged again
            finish_replays(lakehouse)
            yield
            after_intake(lakehouse)
    except (OSError, DeltaError, LedgerError) as error:
        rest = f"What was claimed stays in {landing / CLAIMED}; correct the cause, and the next run goes on with it."
        raise IntakeError(f"Intake stopped: {error}. {rest}") from error


def _resumed(lakehouse: Lakehouse) -> _Run:
    run = _Run()
    _process(lakehouse, claimed_files(lakehouse.settings.landing), run)
    return run


def _process(lakehouse: Lakehouse, claimed: Sequence[Path], run: _Run) -> None:
    for group in _groups(claimed):
        originals, batches = _archive(lakehouse, group, run)
        if batches:
            _receive(lakehouse, batches, _stage(lakehouse, batches), run)
        for original in originals:
            _let_go(lakehouse, original, batches, run)


def _groups(claimed: Iterable[Path]) -> Iterator[list[Path]]:
    """Files to stage together, of `GROUP_BYTES` unless one alone is larger."""
    group: list[Path] = []
    size = 0
    for path in claimed:
        size += path.lstat().st_size
        if group and size > GROUP_BYTES:
            yield group
            group, size = [], path.lstat().st_size
        group.append(path)
    if group:
        yield group


def _archive(lakehouse: Lakehouse, claimed: Iterable[Path], run: _Run) -> tuple[list[_Original], dict[str, _Batch]]:
    """Archive each file and parse what is new. Left out: files refused, and files that someone still writes to."""
    archive = lakehouse.root / ARCHIVE
    archive.mkdir(parents=True, exist_ok=True)
    partial = archive / PARTIAL
    originals, batches = list[_Original](), dict[str, _Batch]()
    try:
        for path in claimed:
            try:
                original = _copy(path, partial)
                if original is None:
                    continue
                progress = progress_of(lakehouse.root, original.batch)
                if original.batch not in batches and not (progress and progress.complete):
                    found = _parse(original, partial, progress)
                    if progress is None:  # what is staged in part was judged when it was begun
                        require_readable_stream(partial, found.parsed, lakehouse.settings.quarantine_max_share)
                    batches[original.batch] = found
            except (SourceError, LandingError) as error:
                explained = str(error).replace(str(partial), str(path))
                run.refused.append(Refusal(path.name, refuse(lakehouse.settings.landing, path, explained)))
                continue
            flush_to_disk(partial)
            # Also over an older copy, so that the archive surely holds what is about to be deleted.
            partial.replace(archive / f"{original.batch}.csv")
            reached("archived")
            originals.append(original)
    finally:
        partial.unlink(missing_ok=True)
    flush_to_disk(archive)
    return originals, {batch: found for batch, found in batches.items() if _is_conserved(found, run)}


def _parse(original: _Original, content: Path, progress: Progress | None) -> _Batch:
    """Parse a file; its dates are judged by when its intake began, so that a resumed one comes out as before.

    Of a batch that an earlier release began that is not known: it judged by when the file was last written.
    """
    taken_ns = time.time_ns() if progress is None else progress.taken_ns or original.mtime_ns
    return _Batch(original, parse_stream_file(content, taken_ns), taken_ns, resumed=progress is not None)


def _copy(path: Path, target: Path) -> _Original | None:
    """Copy a claimed file and hash it on the way; None if it was written to meanwhile. Raises `LandingError`."""
    handle = open_regular(path)
    with os.fdopen(handle, "rb") as source, target.open("wb") as copy:
        before, digest, size = os.fstat(handle), hashlib.sha256(), 0
        while chunk := source.read(CHUNK_BYTES):
            digest.update(chunk)
            size += copy.write(chunk)
        after = os.fstat(handle)
    if (size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        return None
    return _Original(path, digest.hexdigest(), size, before.st_mtime_ns)


def _is_conserved(found: _Batch, run: _Run) -> bool:
    """Whether each line of the file ended in one place; if not, the run will fail, and the file stays claimed."""
    parsed = found.parsed
    counts = (len(parsed.good), len(parsed.quarantined), parsed.duplicates)
    if parsed.lines == sum(counts):
        return True
    run.failed.append(_not_conserved(found, counts))
    return False


def _not_conserved(found: _Batch, counts: tuple[int, int, int]) -> str:
    ends = "{} good + {} quarantined + {} duplicates".format(*counts)
    return (
        f"{found.original.path}: {found.parsed.lines} data lines, but {ends} rows of batch {found.original.batch}. "
        "The file stays there; this is a fault of the platform, please report it with the file."
    )


def _stage(lakehouse: Lakehouse, batches: Mapping[str, _Batch]) -> _Staged:
    """Append the batches' rows to stream/ratings and stream/quarantine, with one commit each."""
    number = begin(lakehouse.root, {name: batch.taken_ns for name, batch in batches.items()})
    commit = Commit((TRANSACTION, number), frozenset(name for name, batch in batches.items() if not batch.resumed))
    good = [batch.parsed.good for batch in batches.values()]
    rows = pa.concat_tables(good).add_column(0, BATCH, _of_rows(list(batches), good))
    ratio = lakehouse.settings.stream_train_ratio
    sides = split_pairs(lakehouse, rows["user_id"].to_numpy(), rows["movie_id"].to_numpy(), ratio)
    ratings = append_batches(lakehouse, STREAM_RATINGS, rows.append_column("split", sides), commit)
    reached("ratings_staged")
    bad = [batch.parsed.quarantined for batch in batches.values()]
    sources = _of_rows([batch.original.path.name for batch in batches.values()], bad)
    rows = pa.concat_tables(bad).add_column(0, "source", sources).add_column(0, BATCH, _of_rows(list(batches), bad))
    quarantined = append_batches(lakehouse, STREAM_QUARANTINE, rows, commit)
    reached("quarantine_staged")
    return _Staged(ratings, quarantined)


def _of_rows(values: Sequence[str], tables: Sequence[pa.Table]) -> pa.DictionaryArray:
    """One value per table as a column of all their rows; not repeated, because a batch's name has 64 characters."""
    owner = np.repeat(np.arange(len(tables), dtype=np.int32), [len(table) for table in tables])
    return pa.DictionaryArray.from_arrays(pa.array(owner), pa.array(values, pa.string()))


def _receive(lakehouse: Lakehouse, batches: Mapping[str, _Batch], staged: _Staged, run: _Run) -> None:
    """Write the receipts of staged batches, counted in the tables themselves: an earlier run may have staged them."""
    good = _staged_rows(lakehouse, STREAM_RATINGS, batches, staged.ratings, [BATCH, "line", *KEY, "rating", "split"])
    corrections = count_corrections(lakehouse, good, list(batches))
    good = good.append_column("is_train", pac.equal(good["split"], TRAIN))
    rated = _by_batch(good, [("is_train", "sum"), ("user_id", "count_distinct")])
    bad_rows = _staged_rows(lakehouse, STREAM_QUARANTINE, batches, staged.quarantine, [BATCH])
    quarantined = _by_batch(bad_rows, [])
    receipts = []
    for name, found in batches.items():
        rows, train, users = rated.get(name, (0, 0, 0))
        (bad,) = quarantined.get(name, (0,))
        original, parsed = found.original, found.parsed
        counts = (rows, bad, parsed.duplicates)
        if sum(counts) != parsed.lines:
            run.failed.append(_not_conserved(found, counts))
            continue
        facts = (original.path.name, original.mtime_ns, original.size, parsed.lines)
        receipts.append(Receipt(name, *facts, *counts, train, rows - train, users, run.intake, corrections[name]))
    write_receipts(lakehouse.root, receipts)
    reached("receipt_written")
    run.received += receipts


def _staged_rows(
    lakehouse: Lakehouse, spec: TableSpec, batches: Mapping[str, _Batch], added: Sequence[Path], columns: list[str]
) -> pa.Table:
    """These columns of the batches' rows; the whole table is asked only where an earlier run may have staged some."""
    if any(batch.resumed for batch in batches.values()):
        return batch_rows(lakehouse, spec.name, batches, columns)
    return rows_of_files(spec, added, columns)


def _by_batch(rows: pa.Table, sums: list[tuple[str, str]]) -> dict[str, tuple[int, ...]]:
    """{batch: (rows, the sums)}."""
    grouped = rows.group_by(BATCH).aggregate([([], "count_all"), *sums])
    return {name: tuple(values) for name, *values in zip(*(column.to_pylist() for column in grouped), strict=True)}


def _let_go(lakehouse: Lakehouse, original: _Original, batches: Mapping[str, _Batch], run: _Run) -> None:
    """Delete a claimed file whose batch has its receipt. One that grew since it was archived is the next run's."""
    progress = progress_of(lakehouse.root, original.batch)
    if progress is None or not progress.complete:
        return
    if original.batch not in batches or batches[original.batch].original is not original:
        run.known.append(original.path.name)
        mend_copy(lakehouse.root, original.batch)
        run.hints += _hint(original, read_receipt(lakehouse.root, original.batch))
    if original.is_unchanged():
        delete_claimed(original.path)
        reached("original_deleted")


def _hint(original: _Original, receipt: Receipt) -> list[str]:
    if not receipt.quarantined:
        return []
    return [
        f"{original.path.name} was taken in before as {receipt.source}, and {receipt.quarantined:,} of its lines are "
        f"in quarantine. To judge them by today's rules: reco stream replay {receipt.batch[:12]}"
    ]

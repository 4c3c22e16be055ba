"""Intake: files of the streaming folder become staged rows, quarantined lines and receipts, each file once.

    landing -> _claimed/<id>/<name> -> stream/archive/<sha256>.csv -> stream/ratings, stream/quarantine (one commit per
    table for many files) -> a receipt in stream/ledger.sqlite -> the claimed file is deleted

State is what storage holds. A run may be killed anywhere: the next one starts again from the claimed files, and each
step finds what was done before it. A file is deleted only when its receipt, and all that it counts, is on disk.
"""

import os
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
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
from reco_assets.streaming.archiving import PARTIAL, KeptError, Part, archived_parts, copy_rest, is_settled, keep
from reco_assets.streaming.claims import (
    CLAIMED,
    claim,
    claim_copy,
    claimed_files,
    delete_claimed,
    refuse,
    require_own_streaming_folders,
    sweep_claims,
)
from reco_assets.streaming.corrections import count_corrections
from reco_assets.streaming.handed_in import name_in_folder, require_ready
from reco_assets.streaming.landing import HAS_A_WRITER, LandingError, incompleteness, landed_files, require_takeable
from reco_assets.streaming.last_values import KEY
from reco_assets.streaming.ledger import LedgerError, catch_up
from reco_assets.streaming.not_taken import NotTaken, files_not_taken, write_failures
from reco_assets.streaming.readable import require_readable_stream
from reco_assets.streaming.reader import ParsedFile, parse_stream_file
from reco_assets.streaming.receipts import FOLDER as RECEIPTS
from reco_assets.streaming.receipts import (
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
from reco_assets.streaming.writers import Look
from reco_assets.tables import STREAM, STREAM_QUARANTINE, STREAM_RATINGS
from resources.errors import RecoError
from resources.lakehouse import Lakehouse
from resources.own_folders import OwnFolder, own_folder, require_own_folders
from resources.settings import Settings
from resources.table_append import BATCH, Commit, append_batches, batch_rows, rows_of_files
from resources.table_files import TableSpec

LOCK = "stream/intake"
GROUP_BYTES = 64 << 20  # of files staged together: about 2 M rows
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

    `hints`: what to do about known content of which lines lie in quarantine; `replayed`: what became of a replay;
    `not_taken`: every file that is not taken now, with its reason.
    """

    received: tuple[Receipt, ...] = ()
    known: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    hints: tuple[str, ...] = ()
    replayed: Replayed | None = None
    not_taken: tuple[NotTaken, ...] = field(default=(), compare=False)

    @property
    def seen(self) -> bool:
        """Whether there was a file at all."""
        return bool(self.received or self.known or self.refused)


@dataclass(frozen=True)
class _Original:
    """A part of a claimed file that is archived; the batch is the sha256 of its content."""

    path: Path
    part: Part

    @property
    def batch(self) -> str:
        return self.part.batch


@dataclass(frozen=True)
class _Batch:
    """A batch to stage, the first file that holds it, and when its intake began (Unix nanoseconds).

    `resumed`: an earlier run may have staged rows of it.
    """

    original: _Original
    parsed: ParsedFile
    taken_ns: int
    resumed: bool


_Parts = dict[Path, list[_Original]]  # of each claimed file
_Batches = dict[str, _Batch]


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
    failed: dict[Path, str] = field(default_factory=dict)

    def result(self, not_taken: Iterable[NotTaken] = ()) -> IntakeResult:
        known, refused, hints = tuple(self.known), tuple(self.refused), tuple(self.hints)
        return IntakeResult(tuple(self.received), known, refused, hints, not_taken=tuple(not_taken))


def take_in(lakehouse: Lakehouse, names: Sequence[str] | None = None) -> IntakeResult:
    """Take in what earlier runs claimed and did not finish, then these files of the streaming folder.

    Without names: whatever is complete now, in the order in which it came, up to `intake_max_files`. Names whose file
    is gone (another run took it) or is not complete are left out. Whatever is wrong with one file, the others go on.

    Raises `LandingError` for a name that can never be taken, `LakehouseError` on parquet storage, and `IntakeError`
    when a disk is full; files that were not taken in stay, and the next run goes on with them.
    """
    landing = lakehouse.settings.landing
    require_takeable(names or ())
    with _only_intake(lakehouse):
        run = _resumed(lakehouse)
        limit = lakehouse.settings.intake_max_files if names is None else None
        claims = claim(landing, list(islice(_complete(lakehouse.settings, names), limit)))
        run.failed |= {landing / name: why for name, why in claims.failed.items()}
        _process(lakehouse, claims.paths, run)
        return run.result(_not_taken(lakehouse, run))


def take_in_again(lakehouse: Lakehouse, text: str) -> IntakeResult:
    """Take a batch in again under today's rules, named by its sha256, the beginning of it or its file's name.

    Rows that are good now, and were quarantined, wait as a batch of their own. Raises as `take_in`, and `ReplayError`.
    """
    with _only_intake(lakehouse):
        done = replay_batch(lakehouse, find_batch(lakehouse.root, text))
        back = [read_receipt(lakehouse.root, done.follow_up)] if done.follow_up else []
    return IntakeResult(tuple(back), replayed=done)


def take_in_file(lakehouse: Lakehouse, path: Path) -> IntakeResult:
    """Take in what earlier runs claimed, then one file of the streaming folder; it is deleted as others are.

    Who names a file says that it is complete. Raises as `take_in`, `NoFilesError` when nothing is there, and
    `SourceError` or `LandingError` when the file cannot be taken: it then stays where it is.
    """
    landing = lakehouse.settings.landing
    name = name_in_folder(landing, path)
    with _only_intake(lakehouse):
        run = _resumed(lakehouse)
        if os.path.lexists(landing / name):
            require_ready(landing / name)
            claims = claim(landing, [name])
            if name in claims.failed:
                raise LandingError(f"{landing / name} cannot be taken in: {claims.failed[name]}.")
            _process(lakehouse, claims.paths, run)
        elif run == _Run():
            raise NoFilesError(f"{path} does not exist. Put a file DATE,CUST_ID,MOVIE_ID,RATING there.")
        return run.result(_not_taken(lakehouse, run))


def hand_in(lakehouse: Lakehouse, path: Path, *, move: bool = False) -> Path:
    """Claim a copy of one file that lies anywhere, under any name, for the next intake; returns where it lies claimed.

    The file stays as it is, or with `move` goes once its copy is on disk. Raises `SourceError` when its header is not
    the documented one, `LandingError` when it cannot be read or someone writes to it, and as `take_in`.
    """
    with _only_intake(lakehouse):
        require_ready(path)
        return claim_copy(lakehouse.settings.landing, path, move=move)


def _complete(settings: Settings, names: Sequence[str] | None) -> Iterator[str]:
    wanted, look = None if names is None else set(names), Look()
    for file in landed_files(settings.landing):
        if (wanted is None or file.name in wanted) and incompleteness(settings.landing, file, look) is None:
            yield file.name


def _not_taken(lakehouse: Lakehouse, run: _Run) -> list[NotTaken]:
    landing = lakehouse.settings.landing
    # That someone writes to a file needs no memory: each look sees it anew.
    failed = {str(path.relative_to(landing)): why for path, why in run.failed.items() if HAS_A_WRITER not in why}
    write_failures(lakehouse.root, landing, failed, time.time_ns())
    return files_not_taken(lakehouse.root, landing)


@contextmanager
def _only_intake(lakehouse: Lakehouse) -> Iterator[None]:
    lakehouse.require_delta("Streaming intake")
    landing = lakehouse.settings.landing
    try:
        with lakehouse.lock(LOCK):
            require_own_streaming_folders(landing)
            require_own_folders(lakehouse.root, [ARCHIVE.parts, RECEIPTS.parts])
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
        archived, batches = _archive(lakehouse, group, run)
        if batches:
            _receive(lakehouse, batches, _stage(lakehouse, batches), run)
        for path, parts in archived.items():
            _let_go(lakehouse, path, parts, batches, run)


def _groups(claimed: Iterable[Path]) -> Iterator[list[Path]]:
    """Files to stage together, of `GROUP_BYTES` unless one alone is larger."""
    group: list[Path] = []
    size = 0
    for path in claimed:
        length = 0
        with suppress(OSError):  # what is wrong with it is said when it is read
            length = path.lstat().st_size
        if group and size + length > GROUP_BYTES:
            yield group
            group, size = [], 0
        size += length
        group.append(path)
    if group:
        yield group


def _archive(lakehouse: Lakehouse, claimed: Iterable[Path], run: _Run) -> tuple[_Parts, _Batches]:
    """Archive each file and parse what is new. Left out: files refused, and files that cannot be read to their end."""
    archived, batches = _Parts(), _Batches()
    with own_folder(lakehouse.root, *ARCHIVE.parts, create=True) as archive:
        try:
            for path in claimed:
                with _one_file(path, run, archive):
                    parts = list[_Original]()
                    for original, content in _parts(path, archive):
                        if original.batch not in batches and not _is_received(lakehouse, original.batch):
                            batches[original.batch] = _parse(lakehouse, original, content)
                        parts.append(original)
                    archived[path] = parts
                    reached("archived")
        finally:
            archive.remove(PARTIAL)
        os.fsync(archive.handle)
    return archived, {batch: found for batch, found in batches.items() if _is_conserved(found, run)}


def _parts(path: Path, archive: OwnFolder) -> Iterator[tuple[_Original, Path]]:
    """The parts of a claimed file and where the content of each lies: those archived before, then what is new."""
    parts = archived_parts(path, archive)
    for part in parts:
        yield _Original(path, part), archive.path / f"{part.batch}.csv"
    if rest := copy_rest(path, parts, archive, time.time_ns()):
        yield _Original(path, rest), archive.path / PARTIAL
        keep(path, [*parts, rest], archive)  # only what could be parsed


@contextmanager
def _one_file(path: Path, run: _Run, archive: OwnFolder) -> Iterator[None]:
    """Whatever is wrong with one file, the others go on; what is wrong with the archive or a table stops the run."""
    try:
        yield
    except FileNotFoundError:
        if os.path.lexists(path):  # else someone took it away
            raise
    except KeptError as error:
        run.failed[path] = str(error)
    except (ValueError, LookupError, MemoryError) as error:  # of the parser: its content must not stop the others
        run.failed[path] = f"it cannot be parsed ({error}); this is a fault of the platform, please report it"
    except (SourceError, LandingError) as error:
        explained = str(error).replace(str(archive.path / PARTIAL), str(path))
        try:
            run.refused.append(Refusal(path.name, refuse(path, explained)))
        except OSError as moving:
            run.failed[path] = f"{explained} It cannot be moved to the refused files: {moving.strerror}"


def _parse(lakehouse: Lakehouse, original: _Original, content: Path) -> _Batch:
    """Parse a file; its dates are judged by when its intake began, so that a resumed one comes out as before.

    Of a batch that an earlier release began that is not known: it judged by when the file was last written.
    """
    progress = progress_of(lakehouse.root, original.batch)
    taken_ns = time.time_ns() if progress is None else progress.taken_ns or original.part.mtime_ns
    parsed = parse_stream_file(content, taken_ns)
    if progress is None:  # what is staged in part was judged when it was begun
        require_readable_stream(content, parsed, lakehouse.settings.quarantine_max_share)
    return _Batch(original, parsed, taken_ns, resumed=progress is not None)


def _is_conserved(found: _Batch, run: _Run) -> bool:
    """Whether each line of the file ended in one place; if not, the file stays claimed."""
    parsed = found.parsed
    counts = (len(parsed.good), len(parsed.quarantined), parsed.duplicates)
    if parsed.lines == sum(counts):
        return True
    run.failed[found.original.path] = _not_conserved(found, counts)
    return False


def _not_conserved(found: _Batch, counts: tuple[int, int, int]) -> str:
    ends = "{} good + {} quarantined + {} duplicates".format(*counts)
    return (
        f"{found.parsed.lines} data lines, but {ends} rows of batch {found.original.batch}. "
        "The file stays there; this is a fault of the platform, please report it with the file."
    )


def _stage(lakehouse: Lakehouse, batches: _Batches) -> _Staged:
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


def _receive(lakehouse: Lakehouse, batches: _Batches, staged: _Staged, run: _Run) -> None:
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
            run.failed[original.path] = _not_conserved(found, counts)
            continue
        facts = (original.path.name, original.part.mtime_ns, original.part.size, parsed.lines)
        receipts.append(Receipt(name, *facts, *counts, train, rows - train, users, run.intake, corrections[name]))
    write_receipts(lakehouse.root, receipts)
    reached("receipt_written")
    run.received += receipts


def _staged_rows(
    lakehouse: Lakehouse, spec: TableSpec, batches: _Batches, added: Sequence[Path], columns: list[str]
) -> pa.Table:
    """These columns of the batches' rows; the whole table is asked only where an earlier run may have staged some."""
    if any(batch.resumed for batch in batches.values()):
        return batch_rows(lakehouse, spec.name, batches, columns)
    return rows_of_files(spec, added, columns)


def _by_batch(rows: pa.Table, sums: list[tuple[str, str]]) -> dict[str, tuple[int, ...]]:
    """{batch: (rows, the sums)}."""
    grouped = rows.group_by(BATCH).aggregate([([], "count_all"), *sums])
    return {name: tuple(values) for name, *values in zip(*(column.to_pylist() for column in grouped), strict=True)}


def _let_go(lakehouse: Lakehouse, path: Path, parts: Sequence[_Original], batches: _Batches, run: _Run) -> None:
    """Delete a claimed file whose parts have their receipts, once nobody can write to it any more."""
    new = [original.batch in batches and batches[original.batch].original is original for original in parts]
    if not all(_is_received(lakehouse, original.batch) for original in parts):
        return
    for original, is_new in zip(parts, new, strict=True):
        if not is_new:
            mend_copy(lakehouse.root, original.batch)
            run.hints += _hint(original, read_receipt(lakehouse.root, original.batch))
    if not any(new):
        run.known.append(path.name)
    try:
        if is_settled(path, parts[-1].part, time.time_ns(), lakehouse.settings.intake_quiet_seconds):
            delete_claimed(path)
            reached("original_deleted")
    except (KeptError, LandingError) as error:
        run.failed[path] = str(error)
    except OSError as error:
        run.failed[path] = f"it was taken in, but cannot be deleted: {error.strerror}"


def _is_received(lakehouse: Lakehouse, batch: str) -> bool:
    progress = progress_of(lakehouse.root, batch)
    return progress is not None and progress.complete


def _hint(original: _Original, receipt: Receipt) -> list[str]:
    if not receipt.quarantined:
        return []
    return [
        f"{original.path.name} was taken in before as {receipt.source}, and {receipt.quarantined:,} of its lines are "
        f"in quarantine. To judge them by today's rules: reco stream replay {receipt.batch[:12]}"
    ]

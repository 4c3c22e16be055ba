"""One run of intake: claimed files are archived, parsed, staged together, and let go once nobody can write to them."""

import os
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from reco_assets.batches.corrections import corrected_later
from reco_assets.batches.receipt_files import Receipt
from reco_assets.batches.receipts import mend_copy, progress_of, read_receipt
from reco_assets.batches.withdrawn import withdrawn
from reco_assets.sources.source import SourceError
from reco_assets.steps import reached
from reco_assets.streaming.archiving import PARTIAL, KeptError, archived_parts, copy_rest, is_settled, keep
from reco_assets.streaming.claims import delete_claimed, refuse
from reco_assets.streaming.landing import LandingError
from reco_assets.streaming.readable import require_readable_stream
from reco_assets.streaming.reader import parse_stream_file
from reco_assets.streaming.staging import Batch, Batches, Original, Parts, lost_lines, receive, stage
from reco_assets.tables import ARCHIVE
from reco_assets.tombstones import Tombstones, read_tombstones
from resources.paths.own_folders import OwnFolder, own_folder
from resources.tables.lakehouse import Lakehouse

GROUP_BYTES = 64 << 20  # of files staged together: about 2 M rows


@dataclass(frozen=True)
class Refusal:
    """A file without the documented header, or with too many bad lines; the error names the rule and where it lies."""

    name: str
    error: str


@dataclass
class Run:
    """What a run did so far; `intake`: its id; `finished`: files that an earlier run took in and this one deleted;
    `failed`: why files stay where they are.
    """

    intake: str = field(default_factory=lambda: uuid.uuid4().hex, compare=False)
    received: list[Receipt] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    failed: dict[Path, str] = field(default_factory=dict)


def process(lakehouse: Lakehouse, claimed: Sequence[Path], run: Run) -> None:
    """Take claimed files through all steps, entering in `run` what became of each.

    Whoever calls this holds the intake's lock. Raises `OSError`, `BrokenTableError` and `LedgerError` for what is no
    fault of one file.
    """
    for group in _groups(claimed):
        archived, batches = _archive(lakehouse, group, run)
        if batches:
            received, failed = receive(lakehouse, batches, stage(lakehouse, batches), run.intake)
            run.received += received
            run.failed |= failed
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


def _archive(lakehouse: Lakehouse, claimed: Iterable[Path], run: Run) -> tuple[Parts, Batches]:
    """Archive each file and parse what is new. Left out: files refused, and files that cannot be read to their end."""
    archived, batches, gone = Parts(), Batches(), read_tombstones(lakehouse.root)
    with own_folder(lakehouse.root, *ARCHIVE.parts, create=True) as archive:
        try:
            for path in claimed:
                with _one_file(path, run, archive):
                    parts = list[Original]()
                    for original, content in _parts(path, archive, gone):
                        if original.batch not in batches and not _is_received(lakehouse, original.batch):
                            batches[original.batch] = _parse(lakehouse, original, content)
                        parts.append(original)
                    archived[path] = parts
                    reached("archived")
        finally:
            archive.remove(PARTIAL)
        os.fsync(archive.handle)
    lost = {batch: error for batch, found in batches.items() if (error := lost_lines(found))}
    run.failed |= {batches[batch].original.path: error for batch, error in lost.items()}
    return archived, {batch: found for batch, found in batches.items() if batch not in lost}


def _parts(path: Path, archive: OwnFolder, gone: Tombstones) -> Iterator[tuple[Original, Path]]:
    """The parts of a claimed file and where the content of each lies: those archived before, then what is new."""
    parts = archived_parts(path, archive)
    for part in parts:
        yield Original(path, part), archive.path / f"{part.batch}.csv"
    if rest := copy_rest(path, parts, archive, time.time_ns(), gone):
        yield Original(path, rest), archive.path / PARTIAL
        keep(path, [*parts, rest], archive)  # only what could be parsed


@contextmanager
def _one_file(path: Path, run: Run, archive: OwnFolder) -> Iterator[None]:
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


def _parse(lakehouse: Lakehouse, original: Original, content: Path) -> Batch:
    """Parse a file; its dates are judged by when its intake began, so that a resumed one comes out as before.

    Where that is not known, they are judged by now: the time of a file decides nothing.
    """
    progress = progress_of(lakehouse.root, original.batch)
    taken_ns = (progress and progress.taken_ns) or time.time_ns()
    parsed = parse_stream_file(content, taken_ns)
    if progress is None:  # what is staged in part was judged when it was begun
        require_readable_stream(content, parsed, lakehouse.settings.quality.quarantine_max_share)
    return Batch(original, parsed, taken_ns, resumed=progress is not None)


def _let_go(lakehouse: Lakehouse, path: Path, parts: Sequence[Original], batches: Batches, run: Run) -> None:
    """Delete a claimed file whose parts have their receipts, once nobody can write to it any more."""
    new = [original.batch in batches and batches[original.batch].original is original for original in parts]
    if not all(_is_received(lakehouse, original.batch) for original in parts):
        return
    own = [_is_own(lakehouse, original) for original in parts]
    for original, is_new, is_own in zip(parts, new, own, strict=True):
        if not is_new:
            mend_copy(lakehouse.root, original.batch)
        if not (is_new or is_own):
            run.hints += _hints(lakehouse, original, read_receipt(lakehouse.root, original.batch))
    if not any(new) and not any(own):
        run.known.append(path.name)
    try:
        if is_settled(path, parts[-1].part, time.time_ns(), lakehouse.settings.streaming.quiet_seconds):
            delete_claimed(path)
            if any(own) and not any(new):
                run.finished.append(path.name)
            reached("original_deleted")
    except (KeptError, LandingError) as error:
        run.failed[path] = str(error)
    except OSError as error:
        run.failed[path] = f"it was taken in, but cannot be deleted: {error.strerror}"


def _is_received(lakehouse: Lakehouse, batch: str) -> bool:
    progress = progress_of(lakehouse.root, batch)
    return progress is not None and progress.complete


def _is_own(lakehouse: Lakehouse, original: Original) -> bool:
    """Whether the batch was taken in from this very claim, which was archived before the batch was begun."""
    progress = progress_of(lakehouse.root, original.batch)
    if progress is None or progress.taken_ns is None:
        return False
    return original.part.archived_ns <= progress.taken_ns


def _hints(lakehouse: Lakehouse, original: Original, receipt: Receipt) -> list[str]:
    before, hints = f"{original.path.name} was taken in before as {receipt.source}, and", list[str]()
    if decision := withdrawn(lakehouse.root).get(original.batch):
        return [
            f"{before} withdrawn {decision.when_and_why}: its ratings stay out. To let them count again: "
            f"reco stream withdraw {original.batch[:12]} --undo"
        ]
    if receipt.quarantined:
        hints.append(
            f"{before} {receipt.quarantined:,} of its lines are in quarantine. To judge them by today's rules: "
            f"reco stream replay {receipt.batch[:12]}"
        )
    if corrected := corrected_later(lakehouse, original.batch):
        hints.append(
            f"{before} later files gave {corrected:,} of its ratings other values, which stand. If its own are right "
            "after all, send them in another file, such as one with the lines in another order"
        )
    return hints

"""Intake: files of the streaming folder become staged rows, quarantined lines and receipts, each file once.

    landing -> _claimed/<id>/<name> -> stream/archive/<sha256>.csv -> stream/ratings, stream/quarantine (one commit per
    table for many files) -> a receipt in stream/ledger.sqlite -> the claimed file is deleted

State is what storage holds. A run may be killed anywhere: the next one starts again from the claimed files, and each
step finds what was done before it. A file is deleted only when its receipt, and all that it counts, is on disk.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pyspark.sql.pandas.types import to_arrow_schema

from reco_assets.batches.ledger import LedgerError, catch_up
from reco_assets.batches.merged import is_merged_and_waits
from reco_assets.batches.receipt_files import Receipt
from reco_assets.batches.receipts import newest_number, read_receipt
from reco_assets.batches.recovery import newest_transaction
from reco_assets.batches.upkeep import after_intake
from reco_assets.streaming.claims import (
    CLAIMED,
    claim,
    claim_copy,
    claimed_files,
    require_own_streaming_folders,
    sweep_claims,
)
from reco_assets.streaming.handed_in import name_in_folder, require_ready
from reco_assets.streaming.intake_run import Refusal, Run, process
from reco_assets.streaming.landing import HAS_A_WRITER, LandingError, incompleteness, landed_files, require_takeable
from reco_assets.streaming.not_taken import NotTaken, files_not_taken, write_failures
from reco_assets.streaming.replay import Replayed, batch_to_replay, finish_replays, replay_batch
from reco_assets.streaming.writers import Look
from reco_assets.tables import ARCHIVE, RECEIPTS, STREAM
from resources.errors import RecoError
from resources.paths.own_folders import require_own_folders
from resources.settings import Settings
from resources.tables.appends import append_batches
from resources.tables.files import BrokenTableError
from resources.tables.lakehouse import Lakehouse

LOCK = "stream/intake"
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
class IntakeResult:
    """What one run did: batches received, names of files whose content was known before, files refused, and names of
    files that an earlier run took in and this one deleted.

    `hints`: what to do about known content of which lines lie in quarantine; `replayed`: what became of a replay;
    `not_taken`: every file that is not taken now, with its reason.
    """

    received: tuple[Receipt, ...] = ()
    known: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    hints: tuple[str, ...] = ()
    replayed: Replayed | None = None
    not_taken: tuple[NotTaken, ...] = field(default=(), compare=False)
    finished: tuple[str, ...] = ()

    @property
    def seen(self) -> bool:
        """Whether there was a file at all."""
        return bool(self.received or self.known or self.refused)


def take_in(lakehouse: Lakehouse, names: Sequence[str] | None = None) -> IntakeResult:
    """Take in what earlier runs claimed and did not finish, then these files of the streaming folder.

    Without names: whatever is complete now, in the order in which it came, up to `intake_max_files`. Names whose file
    is gone (another run took it) or is not complete are left out. Whatever is wrong with one file, the others go on.

    Raises `LandingError` for a name that can never be taken, `LakehouseError` on parquet storage, and `IntakeError`
    when a disk is full; files that were not taken in stay, and the next run goes on with them.
    """
    landing = lakehouse.settings.storage.landing
    require_takeable(names or ())
    with _only_intake(lakehouse):
        run = _resumed(lakehouse)
        limit = lakehouse.settings.streaming.max_files if names is None else None
        claims = claim(landing, _complete(lakehouse.settings, names), limit)
        run.failed |= {landing / name: why for name, why in claims.failed.items()}
        process(lakehouse, claims.paths, run)
        return _result(lakehouse, run)


def take_in_again(lakehouse: Lakehouse, text: str) -> IntakeResult:
    """Take a batch in again under today's rules, named by its sha256, the beginning of it or its file's name.

    Rows that are good now, and were quarantined, wait as a batch of their own. Raises as `take_in` and
    `batch_to_replay`.
    """
    with _only_intake(lakehouse):
        done = replay_batch(lakehouse, batch_to_replay(lakehouse.root, text))
        back = [read_receipt(lakehouse.root, done.follow_up)] if done.follow_up else []
    return IntakeResult(tuple(back), replayed=done)


def take_in_file(lakehouse: Lakehouse, path: Path) -> IntakeResult:
    """Take in what earlier runs claimed, then one file of the streaming folder; it is deleted as others are.

    Who names a file says that it is complete. Raises as `take_in`, `NoFilesError` when nothing is there, and
    `SourceError` or `LandingError` when the file cannot be taken: it then stays where it is.
    """
    landing = lakehouse.settings.storage.landing
    name = name_in_folder(landing, path)
    with _only_intake(lakehouse):
        run = _resumed(lakehouse)
        if os.path.lexists(landing / name):
            require_ready(landing / name)
            claims = claim(landing, [name])
            if name in claims.failed:
                raise LandingError(f"{landing / name} cannot be taken in: {claims.failed[name]}.")
            process(lakehouse, claims.paths, run)
        elif run == Run():
            raise NoFilesError(f"{path} does not exist. Put a file DATE,CUST_ID,MOVIE_ID,RATING there.")
        return _result(lakehouse, run)


def hand_in(lakehouse: Lakehouse, path: Path, *, move: bool = False) -> Path:
    """Claim a copy of one file that lies anywhere, under any name, for the next intake; returns where it lies claimed.

    The file stays as it is, or with `move` goes once its copy is on disk. Raises `SourceError` when its header is not
    the documented one, `LandingError` when it cannot be read or someone writes to it, and as `take_in`.
    """
    with _only_intake(lakehouse):
        require_ready(path)
        return claim_copy(lakehouse.settings.storage.landing, path, move=move)


def _complete(settings: Settings, names: Sequence[str] | None) -> Iterator[str]:
    wanted, look = None if names is None else set(names), Look()
    for file in landed_files(settings.storage.landing):
        if (wanted is None or file.name in wanted) and incompleteness(settings.storage.landing, file, look) is None:
            yield file.name


def _result(lakehouse: Lakehouse, run: Run) -> IntakeResult:
    landing = lakehouse.settings.storage.landing
    # That someone writes to a file needs no memory: each look sees it anew.
    failed = {str(path.relative_to(landing)): why for path, why in run.failed.items() if HAS_A_WRITER not in why}
    write_failures(lakehouse.root, landing, failed, time.time_ns())
    not_taken = tuple(files_not_taken(lakehouse.root, landing))
    known, refused, hints = tuple(run.known), tuple(run.refused), tuple(run.hints)
    finished = tuple(run.finished)
    return IntakeResult(tuple(run.received), known, refused, hints, not_taken=not_taken, finished=finished)


@contextmanager
def _only_intake(lakehouse: Lakehouse) -> Iterator[None]:
    lakehouse.require_delta("Streaming intake")
    landing = lakehouse.settings.storage.landing
    try:
        with lakehouse.lock(LOCK):
            require_own_streaming_folders(landing)
            require_own_folders(lakehouse.root, [ARCHIVE.parts, RECEIPTS.parts])
            sweep_claims(landing)
            for spec in STREAM:  # they are there even if nothing was ever streamed
                if not lakehouse.exists(spec.name):
                    append_batches(lakehouse, spec, to_arrow_schema(spec.schema, timezone="UTC").empty_table())
            is_older = newest_transaction(lakehouse.root) > newest_number(lakehouse.root)
            if is_older or is_merged_and_waits(lakehouse):
                catch_up(lakehouse.root)  # a ledger from a backup: what it doesn't know would be staged again
            finish_replays(lakehouse)
            yield
            after_intake(lakehouse)
    except (OSError, BrokenTableError, LedgerError) as error:
        rest = f"What was claimed stays in {landing / CLAIMED}; correct the cause, and the next run goes on with it."
        raise IntakeError(f"Intake stopped: {error}. {rest}") from error


def _resumed(lakehouse: Lakehouse) -> Run:
    run = Run()
    process(lakehouse, claimed_files(lakehouse.settings.storage.landing), run)
    return run

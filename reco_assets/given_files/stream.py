"""`reco stream process` and `merge` with paths: the platform's own tables, or files and folders that are given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reco_assets.batches.receipt_files import COUNTED
from reco_assets.given_files.own_paths import ArgumentsError
from reco_assets.given_files.process import process_file
from reco_assets.given_files.tables import merge_ratings
from reco_assets.pipelines.selections import INTAKE, MERGE
from reco_assets.runner.hand_over import hand_over
from reco_assets.runner.make import Make
from reco_assets.streaming.named_file import is_streamed, named_file
from reco_assets.streaming.not_taken import NotTaken, files_not_taken
from reco_assets.workspace import MERGED, STREAMING, but_for_own
from resources.locking.folder_lock import folder_lock
from resources.locking.locks import MAKING_SECONDS
from resources.settings import Settings
from resources.tables.files import LakehouseError

SHOWN = ("files_received", "files_known", "files_refused", "files_not_taken", *COUNTED, "hints")


@dataclass(frozen=True)
class Processed:
    """What came of files, in counts, and those that were not taken."""

    counts: Mapping[str, Any]
    not_taken: Sequence[NotTaken] = ()


def process(settings: Settings, csv_path: Path | None, output: Path | None, make: Make, *, move: bool) -> Processed:
    """Take in a file, or all that wait; where the output is none of the platform's own, process the file into that.

    Args:
        settings: The platform's.
        csv_path: A file; None: every file that waits in the streaming folder.
        output: A folder for train/, test/ and quarantine/; None, or the platform's own, is stream/ratings.
        make: Makes the assets.
        move: Whether a file that lies elsewhere than in the streaming folder is deleted afterwards.

    Raises:
        ArgumentsError: An output, and no file.
        NoFilesError: There is no such file.
        SourceError: The file is none of ratings.
        LandingError: The file cannot be taken.
        LakehouseError: The output cannot be written.
    """
    if output and but_for_own(settings, output, STREAMING):
        if csv_path is None:
            raise ArgumentsError("--output_path needs --csv_path: which file to process")
        moved = move or is_streamed(settings, csv_path)
        return Processed(hand_over(settings, process_file(settings, csv_path, output, move=moved)))
    with named_file(settings, csv_path, move=move) as given:
        outcome = make(settings, INTAKE, "process", {"process_streaming_data": {"without_files": "FAIL"} | given})
    found = outcome.metadata["stream/ratings"]
    counts = {name: found[name] for name in SHOWN if name in found}
    return Processed(counts, files_not_taken(settings.storage.root, settings.storage.landing))


def merge(settings: Settings, streaming: Path | None, processed: Path | None, make: Make) -> Mapping[str, Any]:
    """Merge the batches that wait into train and test, or one given folder into another.

    Returns what was added and corrected. Raises `ArgumentsError` where one of two folders is given, `LakehouseError`.
    """
    streaming, processed = but_for_own(settings, streaming, STREAMING), but_for_own(settings, processed, MERGED)
    if streaming and processed:
        return hand_over(settings, merge_folders(streaming, processed, settings.storage.lock_timeout_seconds))
    if streaming or processed:
        raise ArgumentsError("give both --streaming_path and --processed_path, or neither")
    accept = {"accept": "ALWAYS", "report": settings.airflow.drift_report or ""}
    outcome = make(settings, MERGE, "merge", {"stream__accepted": accept})
    merged = {name: outcome.metadata[name] for name in MERGE[1:]}
    return {
        "accepted_batches": outcome.metadata["stream/accepted"]["accepted_batches"],
        "corrected_rows": sum(side["corrected_rows"] for side in merged.values()),
        **{name: side["dagster/row_count"] for name, side in merged.items()},
    }


def merge_folders(streaming: Path, processed: Path, lock_seconds: float = MAKING_SECONDS) -> dict[str, Any]:
    """Put the rows of `<streaming>/{train,test}` into `<processed>/{train,test}`; doing it again changes nothing.

    Returns the rows added to each, and those that stand in place of an earlier value. Raises `LakehouseError`,
    `FolderLockError`, and `LockError` after `lock_seconds`.
    """
    if not processed.is_dir():
        raise LakehouseError(f"{processed} is no folder with train/ and test/. Check --processed_path.")
    with folder_lock(processed.absolute(), lock_seconds):
        changes = merge_ratings(streaming.absolute(), processed.absolute())
    added = {f"{side}_rows_added": len(change.new) for side, change in changes.items()}
    return added | {f"{side}_rows_corrected": len(change.other) for side, change in changes.items()}

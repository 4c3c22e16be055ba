"""Every place that can hold a user: how it is told, and what is done there.

A new kind of place is one line of `HOLDERS`. The first that a path fits has it; tables are told by what they are, so
new ones are covered without a line.
"""

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from reco_assets.forgetting import documents, folders, lines
from reco_assets.forgetting.packed import DAMAGED, scrub_packed
from reco_assets.forgetting.people import People
from reco_assets.models.versions.backup import FOLDER as BACKUP
from reco_assets.models.versions.folders import MODEL_FILE
from reco_assets.quality.scans import SCANS
from reco_assets.streaming.claims import CLAIMED, REFUSED
from reco_assets.tables import ARCHIVE, DRIFT_KEPT, IDS
from reco_assets.tombstones import FOLDER as TOMBSTONES
from resources.errors import RecoError
from resources.tables.files import is_delta

CERTIFICATES = Path("ops", "certificates")
_LEFT = re.compile(r"\.(?P<name>.+)\.(?:old|removed|[0-9a-f]{32})")

# What work raises of a place that is damaged, locked, or another user's.
UNREADABLE = (RecoError, pa.ArrowException, sqlite3.DatabaseError, PermissionError, *DAMAGED)

Work = Callable[[Path, People, bool], int]  # how much of a place is of the users; with True that goes


@dataclass(frozen=True)
class Holder:
    """A kind of place. `fits`: whether a path is one of its; `unit`: what is counted."""

    name: str
    unit: str
    fits: Callable[[Path], bool]
    work: Work


def _is_below(*parts: str) -> Callable[[Path], bool]:
    """Whether these folders follow each other in a path."""
    wanted = f"/{'/'.join(parts)}/"
    return lambda path: wanted in path.as_posix()


def _ends(*suffixes: str) -> Callable[[Path], bool]:
    return lambda path: path.suffix.lower() in suffixes


def _holds_a_model(path: Path) -> bool:
    return path.is_dir() and ((path / MODEL_FILE).is_file() or path.name == BACKUP)


def _is_streamed(path: Path) -> bool:
    return any(_is_below(*parts)(path) for parts in (ARCHIVE.parts, (CLAIMED,), (REFUSED,))) and path.suffix == ".csv"


HOLDERS = (
    Holder("tables, all versions", "rows", lambda path: path.is_dir() and is_delta(path), folders.scrub_rows),
    Holder("models, backups and MLflow's copies", "rows and documents", _holds_a_model, folders.scrub_model),
    Holder(
        "archived, claimed and refused files", "lines", _is_streamed, partial(lines.scrub_lines, instead=lines.marked)
    ),
    Holder("files of events", "lines", _ends(".jsonl"), partial(lines.scrub_lines, instead=lines.padded)),
    Holder("other files of ratings", "lines", _ends(*lines.ROWS), lines.scrub_lines),
    Holder("packed files", "lines", _ends(".gz", ".zip"), scrub_packed),
    Holder("Parquet files", "rows", _ends(".parquet"), folders.scrub_parquet),
    Holder("feature store", "rows", _ends(".duckdb"), documents.scrub_features),
    Holder("scans of tables", "files", _is_below(*SCANS.split("/")), documents.remove_kept),
    Holder("what drift reports keep", "files", _is_below(*DRIFT_KEPT.parts), documents.remove_kept),
    Holder("checkpoints of trainings", "files", _is_below(".checkpoints"), documents.remove_whole),
    Holder("reports and other documents", "documents", _ends(".json"), documents.scrub_json),
    Holder("databases of Dagster and MLflow", "texts", _ends(".db", ".sqlite"), documents.scrub_sqlite),
    Holder("pages and logs", "mentions", _ends(".html", ".md", ".log", ".out", ".err", ".yaml"), documents.scrub_text),
)
# Last, as by it an id that is text is translated: a run that is killed before finds the same numbers again.
IDS_OF_TEXTS = Holder("ids that are text", "rows", _is_below(*IDS.name.split("/")), folders.scrub_texts_of_ids)


def places(root: Path) -> Iterator[tuple[Holder, Path]]:
    """Each place below a folder with its holder: folders that are one place are not gone into."""
    for folder, names, files in os.walk(root):
        here = Path(folder)
        for name in sorted(names):
            found = here / name
            if found.is_symlink() or found.relative_to(root) in (TOMBSTONES, CERTIFICATES) or name == "_locks":
                names.remove(name)
            elif (holder := _holder_of(found)) is not None:
                names.remove(name)
                yield holder, found
        for name in sorted(files):
            found = here / name
            if found.is_file() and not found.is_symlink() and (holder := _holder_of(found)) is not None:
                yield holder, found


def sweep(root: Path) -> None:
    """Put back, or remove, what killed writers left below a folder: hidden copies of tables and files.

    Whoever calls this has made sure that nobody writes.
    """
    for folder, names, files in os.walk(root):
        for name in [*names, *files]:
            if not (left := _LEFT.fullmatch(name)):
                continue
            found, proper = Path(folder, name), Path(folder, left["name"])
            if name.endswith(".old") and not proper.exists():
                found.rename(proper)
            elif found.is_dir() and not found.is_symlink():
                shutil.rmtree(found)
            else:
                found.unlink()
        names[:] = [name for name in names if not _LEFT.fullmatch(name)]


def _holder_of(path: Path) -> Holder | None:
    if path.is_dir():
        return next((holder for holder in HOLDERS[:2] if holder.fits(path)), None)
    return next((holder for holder in HOLDERS[2:] if holder.fits(path)), None)

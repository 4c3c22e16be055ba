"""What a lakehouse was loaded from, so that no later run replaces it by something else unasked.

A small file at the root says it, and so does the metadata of bronze's tables, from which a file that is damaged or gone
is rebuilt. A folder below the lakehouse is noted relative to it, so that a copy of the lakehouse reads its own.
"""

from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from reco_assets.sources.presplit import FILES
from reco_assets.sources.raw_forms import raw_form_of
from reco_assets.sources.typed import RESCUED
from resources.files import write_text_atomically
from resources.settings.source import SourceName
from resources.tables.files import BrokenTableError, dataset_at, note_of, table_exists

FILE = "_source.json"
NOTE = "reco.source"  # in the metadata of bronze's tables
LOADED, CLEANED = "bronze/ratings", "silver/ratings"


class Remembered(BaseModel):
    """A source's kind and folder; kind None: something was loaded, nobody knows what.

    `folder` is a POSIX path, relative where it lies below the lakehouse; None for synthetic data, or where it is not
    known any more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: SourceName | None
    folder: str | None = None

    @field_validator("folder")
    @classmethod
    def _stays_below(cls, folder: str | None) -> str | None:
        if folder is not None and (not folder or "\0" in folder or ".." in PurePosixPath(folder).parts):
            raise ValueError("a path without '..'")
        return folder

    def path(self, root: Path) -> Path | None:
        """The folder as an absolute path, of a lakehouse at `root`."""
        return None if self.folder is None else root / self.folder


def remembered_as(root: Path, kind: SourceName, folder: Path | None) -> Remembered:
    """A source as the lakehouse at `root` notes it; both paths are absolute."""
    if folder is None:
        return Remembered(kind=kind)
    below = folder.relative_to(root) if folder.is_relative_to(root) else folder
    return Remembered(kind=kind, folder=below.as_posix())


def remember(root: Path, source: Remembered) -> None:
    """Note the source of the lakehouse at `root`, atomically."""
    if _read(root) != source:
        write_text_atomically(root / FILE, source.model_dump_json() + "\n")


def recall(root: Path) -> Remembered | None:
    """The source of the lakehouse at `root`; None where nothing was loaded yet."""
    return _read(root) or _from_bronze(root)


def _read(root: Path) -> Remembered | None:
    try:
        return _parse((root / FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def _parse(text: str) -> Remembered | None:
    try:
        return Remembered.model_validate_json(text)
    except ValidationError:
        return None


def _from_bronze(root: Path) -> Remembered | None:
    path = root / LOADED
    if not table_exists(path):
        return Remembered(kind=None) if table_exists(root / CLEANED) else None
    try:
        note = note_of(path, NOTE)
        return (_parse(note) if note else None) or Remembered(kind=_kind_of_rows(path))
    except (BrokenTableError, OSError):  # the table is damaged: something was there, and that is all to be known
        return Remembered(kind=None)


def _kind_of_rows(path: Path) -> SourceName | None:
    """Tables of before lakehouses remembered: their columns and the names of their files tell the kind."""
    dataset = dataset_at(path)
    first = dataset.head(1, columns=["_source_file"]).to_pylist()
    file = first[0]["_source_file"] if first else None
    if file == "synthetic":
        return "synthetic"
    is_in_blocks = "MOVIE_ID" in dataset.schema.names or (
        RESCUED in dataset.schema.names and raw_form_of(dataset.schema, LOADED).fields[0] == "movie_id"
    )
    if is_in_blocks:
        return "presplit" if file in FILES else "netflix"
    return "movielens" if file else None

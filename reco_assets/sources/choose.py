"""Which source a run reads: what is configured, else what the lakehouse was loaded from, else a release in it.

Nothing is made up: synthetic data is a source that is asked for, as any other. And what a lakehouse was loaded from is
replaced by another source only by a run that says so.
"""

from dataclasses import dataclass
from pathlib import Path
from zipfile import is_zipfile

from reco_assets.sources import columns, synthetic
from reco_assets.sources.formats import FORMATS
from reco_assets.sources.recognise import advice_on
from reco_assets.sources.remembered import Remembered, recall, remembered_as
from reco_assets.sources.source import Source, SourceError
from resources.errors import RecoError
from resources.settings import Settings
from resources.settings.source import SourceName

HOW_TO_REPLACE = (
    "reco etl --replace-source, RECO_REPLACE_SOURCE=on for the one run where there is no command line, or "
    "the run configuration ops.bronze.config.replace_source: true"
)


@dataclass(frozen=True)
class Place:
    """Where raw data comes from: its kind and, but for synthetic data, its folder as an absolute path."""

    kind: SourceName
    folder: Path | None

    def __str__(self) -> str:
        """As a person is told."""
        return f"{self.kind} ({self.folder})" if self.folder else f"{self.kind} data"


def choose_source(settings: Settings) -> Source:
    """The source a run reads. Raises `SourceError` when there is none or what is configured is not there."""
    return open_source(settings, choose_place(settings))


def choose_place(settings: Settings) -> Place:
    """Where a run reads from; whether anything lies there is not looked at. Raises `SourceError` when nothing says it.

    A run that is to replace the source, and doesn't say by which, takes the newest release in the lakehouse.
    """
    known = recall(settings.storage.root)
    held = _held_place(settings, known)
    kind, folder = settings.source.name, settings.source.path
    if kind == "synthetic":
        return Place("synthetic", None)
    if folder is not None:
        folder = _absolute(folder)
        return Place(kind or _kind_of(settings, folder, held), folder)
    release = default_folder(settings)
    if held and kind in (None, held.kind) and not (settings.source.replaces and release):
        return held
    if kind in (None, "movielens") and release and (kind or _may_be_a_release(settings, known)):
        return Place("movielens", release)
    raise _no_source(settings, known)


def open_source(settings: Settings, place: Place) -> Source:
    """The source at a place. Raises `SourceError` when its folder is not there."""
    if place.folder is None:
        return synthetic.source(settings.synthetic)
    if not place.folder.is_dir() and not is_zipfile(place.folder):
        if settings.source.path:
            folder = place.folder.parent if place.folder.is_file() else "the folder with the files"
            raise SourceError(place.folder, None, "RECO_SOURCE_PATH is not a folder", f"Set it to {folder}.")
        rule = f"the folder that this lakehouse's {place.kind} ratings came from is gone"
        fix = f"Put it back, or set RECO_SOURCE_PATH to where it is now, and once: {HOW_TO_REPLACE}."
        raise SourceError(place.folder, None, rule, fix)
    if place.kind == "columns" and settings.source.columns:
        return columns.source(place.folder, settings.source.columns)
    if advice := advice_on(place.folder, place.kind):
        raise SourceError(place.folder, None, f"this folder holds no {place.kind} ratings", advice)
    return FORMATS[place.kind].open(place.folder)


def require_same_source(settings: Settings, place: Place) -> None:
    """Raise `SourceError` if the lakehouse was loaded from elsewhere, unless the run is to replace that."""
    root = settings.storage.root
    known = recall(root)
    if known is None or settings.source.replaces or known == remembered_as(root, place.kind, place.folder):
        return
    if known.kind == place.kind and known.folder is None and place.folder == default_folder(settings):
        return  # loaded before lakehouses remembered, from inside of this one
    held, unknown = _held_place(settings, known), f"{known.kind or 'ratings'} from a folder that is not on record"
    rule = f"this lakehouse holds {held or unknown}, and the run would replace that by {place}"
    fix = (
        f"If it shall: {HOW_TO_REPLACE}. If not, leave out RECO_SOURCE and RECO_SOURCE_PATH, "
        "or choose another LAKEHOUSE_PATH. Nothing was changed."
    )
    raise SourceError(settings.storage.root, None, rule, fix)


def is_without_source(settings: Settings) -> bool:
    """Whether no source is set and the lakehouse holds nothing, neither loaded nor to load."""
    configured = settings.source.name or settings.source.path
    return not configured and recall(settings.storage.root) is None and default_folder(settings) is None


def in_words(settings: Settings) -> str:
    """The place a run reads from and what it makes of scales and times, or that there is none yet; never raises."""
    try:
        place = choose_place(settings)
    except RecoError:
        return "none yet"
    try:
        said = open_source(settings, place).said
    except (RecoError, OSError):
        return str(place)
    return f"{place}; {said}" if said else str(place)


def raw_folder(settings: Settings) -> Path:
    """Where downloaded MovieLens releases lie, one folder each."""
    return settings.storage.root / "bronze" / "movielens"


def default_folder(settings: Settings) -> Path | None:
    """The MovieLens release in the lakehouse that was put there last, if there is any."""
    signs = FORMATS["movielens"].signs
    releases = [path.parent for sign in signs for path in raw_folder(settings).glob(f"*/{sign}")]
    newest = max(releases, key=lambda folder: folder.stat().st_mtime, default=None)
    return newest and newest.resolve()


def _held_place(settings: Settings, known: Remembered | None) -> Place | None:
    """What the lakehouse was loaded from, where that is known in full."""
    if known is None or known.kind is None:
        return None
    folder = known.path(settings.storage.root)
    return Place(known.kind, folder) if folder or known.kind == "synthetic" else None


def _kind_of(settings: Settings, folder: Path, held: Place | None) -> SourceName:
    """The kind of a folder that only its path is set of."""
    if settings.source.columns or (folder / columns.FILE).is_file():
        return "columns"
    return held.kind if held and held.folder == folder else "movielens"


def _may_be_a_release(settings: Settings, known: Remembered | None) -> bool:
    return known is None or known.kind == "movielens" or settings.source.replaces


def _absolute(folder: Path) -> Path:
    return folder.expanduser().resolve()


def _no_source(settings: Settings, known: Remembered | None) -> SourceError:
    place = raw_folder(settings)
    if settings.source.name:
        return SourceError(place, None, f"no data for RECO_SOURCE={settings.source.name}", "Set RECO_SOURCE_PATH.")
    if known:
        rule = f"this lakehouse holds {known.kind or 'ratings'} from a folder that is not on record"
        fix = f"Set RECO_SOURCE and RECO_SOURCE_PATH to it, and once: {HOW_TO_REPLACE}."
        return SourceError(settings.storage.root, None, rule, fix)
    fix = (
        f"Put ratings.csv and movies.csv into a folder below {place} (reco data fetch ml-latest-small does), or set "
        "RECO_SOURCE_PATH to where they are; RECO_SOURCE=netflix or presplit reads other files from there. "
        "RECO_SOURCE=synthetic makes ratings up, for a trial."
    )
    return SourceError(settings.storage.root, None, "there are no ratings to load, and no source is set", fix)

"""Which source a run reads: what is configured, else MovieLens files in the lakehouse, else synthetic data."""

from collections.abc import Callable, Mapping
from pathlib import Path

from reco_assets.sources import movielens, netflix, presplit, synthetic
from reco_assets.sources.source import Source, SourceError
from resources.settings import Settings

_FOLDERS: Mapping[str, Callable[[Path], Source]] = {
    "movielens": movielens.source,
    "netflix": netflix.source,
    "presplit": presplit.source,
}


def choose_source(settings: Settings) -> Source:
    """The source a run reads. Raises `SourceError` when what is configured is not there."""
    kind, folder = settings.reco_source, settings.reco_source_path
    if kind == "synthetic" or (kind is None and folder is None and default_folder(settings) is None):
        return synthetic.source(synthetic_shape(settings))
    kind = kind or "movielens"
    if folder is None and kind == "movielens":
        folder = default_folder(settings)
    if folder is None:
        raise SourceError(raw_folder(settings), None, f"no data for RECO_SOURCE={kind}", "Set RECO_SOURCE_PATH.")
    folder = folder.expanduser()
    if not folder.is_dir():
        raise SourceError(folder, None, "RECO_SOURCE_PATH is not a folder", "Set it to the folder with the files.")
    return _FOLDERS[kind](folder)


def raw_folder(settings: Settings) -> Path:
    """Where downloaded MovieLens releases lie, one folder each."""
    return settings.root / "bronze" / "movielens"


def default_folder(settings: Settings) -> Path | None:
    """The MovieLens release in the lakehouse that was put there last, if there is any."""
    releases = [path.parent for path in raw_folder(settings).glob("*/ratings.csv")]
    return max(releases, key=lambda folder: folder.stat().st_mtime, default=None)


def synthetic_shape(settings: Settings) -> synthetic.Shape:
    """The synthetic source's shape from the settings."""
    return synthetic.Shape(
        users=settings.synthetic_users,
        movies=settings.synthetic_movies,
        ratings=settings.synthetic_ratings,
        seed=settings.reco_seed,
    )

"""What kind of source a folder seems to hold, for who set another kind, or another folder."""

from pathlib import Path, PurePath

from reco_assets.sources.formats import FORMATS
from reco_assets.sources.looks import HEAD_BYTES, looks_like
from reco_assets.sources.packed import found_all, opened
from reco_assets.sources.source import SourceError
from resources.settings.source import SourceName

_PACKED = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".bz2", ".xz", ".7z", ".rar", ".zst")
_LOOKED_AT = 20


def advice_on(folder: Path, kind: SourceName) -> str | None:
    """What to set or do where a folder does not hold the files of a kind; None where it does, or nothing is known."""
    if _holds(folder, kind):
        return None
    for other in FORMATS:
        if sign := _holds(folder, other):
            return f"It holds {sign.name}: set RECO_SOURCE={other}."
    if folder.is_file():
        return None
    if nested := next((path for path in sorted(folder.iterdir()) if path.is_dir() and _holds(path, kind)), None):
        return f"Set RECO_SOURCE_PATH={nested}, which has them."
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    if packed := next((path for path in files if path.name.endswith(_PACKED)), None):
        return f"Unpack {packed.name}."
    return next((what for path in files[:_LOOKED_AT] if (what := _look(path))), None)


def _look(path: Path) -> str | None:
    try:
        with opened(path) as handle:
            return looks_like(path.name, handle.read(HEAD_BYTES))
    except (OSError, SourceError):
        return None


def _holds(folder: Path, kind: SourceName) -> Path | None:
    for sign in map(PurePath, FORMATS[kind].signs):
        if files := found_all(folder / sign.parent, sign.name):
            return next(iter(files.values()))
    return None

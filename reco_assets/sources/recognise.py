"""What kind of source a folder seems to hold, for who set another kind, or another folder."""

from pathlib import Path

from reco_assets.sources.formats import FORMATS
from resources.settings.source import SourceName

_PACKED = ("ratings.csv.gz", "ratings.csv.zip", "*.zip", "*.tar", "*.tar.gz", "*.tgz")


def advice_on(folder: Path, kind: SourceName) -> str | None:
    """What to set or do where a folder does not hold the files of a kind; None where it does, or nothing is known."""
    if _holds(folder, kind):
        return None
    for other in FORMATS:
        if sign := _holds(folder, other):
            return f"It holds {sign.name}: set RECO_SOURCE={other}."
    if nested := next((path for path in sorted(folder.iterdir()) if path.is_dir() and _holds(path, kind)), None):
        return f"Set RECO_SOURCE_PATH={nested}, which has them."
    if (folder / "ratings.dat").exists():
        return "ratings.dat has no header and parts fields by '::': make a ratings.csv of it, with commas and a header."
    if packed := next((path for pattern in _PACKED for path in sorted(folder.glob(pattern))), None):
        return f"Unpack {packed.name}."
    return None


def _holds(folder: Path, kind: SourceName) -> Path | None:
    return next((path for sign in FORMATS[kind].signs for path in sorted(folder.glob(sign))), None)

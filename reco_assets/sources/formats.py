"""Every kind of folder that ratings can be loaded from. A new one is a module beside this and a line here."""

from collections.abc import Iterable, Mapping

from reco_assets.sources import movielens, netflix, presplit
from reco_assets.sources.layout import Columns
from reco_assets.sources.source import Format
from resources.errors import RecoError
from resources.settings.source import SourceName

FORMATS: Mapping[SourceName, Format] = {
    "movielens": movielens.FORMAT,
    "netflix": netflix.FORMAT,
    "presplit": presplit.FORMAT,
}


class UnknownColumnsError(RecoError):
    """A raw table has the columns of no source; the message names them."""


def raw_columns(table: str) -> tuple[tuple[str, ...], ...]:
    """The columns of a raw table (ratings, movies or tags): one entry for each layout that a source may have."""
    return tuple(dict.fromkeys(getattr(known.layout, table).names for known in FORMATS.values()))


def columns_among(names: Iterable[str]) -> Columns:
    """The columns of the source whose raw table has exactly these names; those that begin with `_` don't count.

    So a raw table tells its source by its columns, and nothing needs a setting to read what lies there. Raises
    `UnknownColumnsError`.
    """
    wanted = {name for name in names if not name.startswith("_")}
    for known in FORMATS.values():
        for columns in known.layout:
            if wanted == columns.meaning.keys():
                return columns
    raise UnknownColumnsError(f"No source has a table of the columns {', '.join(sorted(wanted))}.")

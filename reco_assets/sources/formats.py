"""Every kind of folder that ratings can be loaded from. A new one is a module beside this and a line here."""

from collections.abc import Mapping

from reco_assets.sources import columns, movielens, netflix, presplit
from reco_assets.sources.source import Format
from resources.settings.source import SourceName

FORMATS: Mapping[SourceName, Format] = {
    "movielens": movielens.FORMAT,
    "netflix": netflix.FORMAT,
    "presplit": presplit.FORMAT,
    "columns": columns.FORMAT,
}

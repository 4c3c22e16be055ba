"""What the first line of every run says: where its data comes from, what computes, and where the tables lie."""

from reco_assets.sources.choose import in_words
from resources.settings import Settings


def first_line(settings: Settings) -> str:
    """Source, engine and lakehouse of a run; never raises."""
    return f"source: {in_words(settings)}, engine: {settings.engine.name}, lakehouse: {settings.storage.root}"

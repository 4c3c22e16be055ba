"""What the first line of every run says: where its data comes from, what computes, and where the tables lie."""

from typing import TYPE_CHECKING

from reco_assets.sources.choose import in_words
from resources.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

    from resources.tables.lakehouse import Lakehouse


def first_line(settings: Settings) -> str:
    """Source, engine and lakehouse of a run; never raises."""
    return f"source: {in_words(settings)}, engine: {settings.engine.name}, lakehouse: {settings.storage.root}"


def announced(lakehouse: "Lakehouse") -> "dg.ResourceDefinition":
    """The lakehouse as a resource that logs the first line when a run takes it."""
    import dagster as dg  # here: a command that makes nothing prints its first line without Dagster's 0.7 s

    def take(context: "dg.InitResourceContext") -> "Lakehouse":
        if context.log is not None:
            context.log.info(first_line(lakehouse.settings))
        return lakehouse

    return dg.ResourceDefinition(take, description="The tables; its engine starts when an asset asks for it.")

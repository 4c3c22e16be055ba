"""What events are read from under the settings."""

from reco_assets.events.extraction.file_reader import FileSource
from reco_assets.events.extraction.messages import Source
from resources.tables.lakehouse import Lakehouse

FILES = "events/files"  # in the lake: <topic>/<partition>.jsonl


def event_sources(lakehouse: Lakehouse) -> list[Source]:
    """The files of the lake where there are any."""
    folder = lakehouse.path(FILES)
    return [FileSource(folder)] if folder.is_dir() else []

"""What events are read from under the settings."""

from reco_assets.events.extraction.file_reader import FileSource
from reco_assets.events.extraction.kafka_reader import KafkaSource
from reco_assets.events.extraction.messages import Source
from resources.tables.lakehouse import Lakehouse

FILES = "events/files"  # in the lake: <topic>/<partition>.jsonl


def event_sources(lakehouse: Lakehouse) -> list[Source]:
    """The files of the lake where there are any, and the broker where one is configured."""
    folder, servers = lakehouse.path(FILES), lakehouse.settings.events.bootstrap_servers
    return [*([FileSource(folder)] if folder.is_dir() else []), *([KafkaSource(servers)] if servers else [])]

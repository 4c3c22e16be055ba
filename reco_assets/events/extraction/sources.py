"""What events are read from under the settings."""

from reco_assets.events.extraction.file_reader import FileSource
from reco_assets.events.extraction.kafka_reader import KafkaSource
from reco_assets.events.extraction.messages import EventsError, Source
from reco_assets.events.extraction.spark_reader import SparkKafkaSource
from reco_assets.events.files import files_folder
from resources.tables.lakehouse import Lakehouse


def event_sources(lakehouse: Lakehouse) -> list[Source]:
    """The files of the lake where there are any, and the broker where one is configured, read as the engine does.

    Raises `EventsError` where DATA_LAKE_PATH can't be a folder: no files there would look like a day without events.
    """
    _require_lake(lakehouse)
    folder, servers = files_folder(lakehouse.lake), lakehouse.settings.events.bootstrap_servers
    found: list[Source] = [FileSource(folder)] if folder.is_dir() else []
    if servers:
        broker = KafkaSource(servers)
        found.append(SparkKafkaSource(broker, lakehouse.engine) if lakehouse.engine.name == "spark" else broker)
    return found


def _require_lake(lakehouse: Lakehouse) -> None:
    if given := lakehouse.settings.events.lake:
        try:
            given.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EventsError(
                f"The data lake can't lie at {given}: {error.strerror or error}. Set DATA_LAKE_PATH to a folder."
            ) from None

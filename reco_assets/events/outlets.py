"""Where events are sent: to the broker that is configured, else to files of the data lake."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reco_assets.events.files import appending, files_folder
from reco_assets.events.schema import PARTITIONS, topics
from resources.kafka.clients import ensure_topics
from resources.kafka.producing import Send, producing
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse


def lake(settings: Settings) -> Path:
    """The data lake, as an absolute path."""
    return Lakehouse.open(settings).lake


def destination(settings: Settings) -> str:
    """Where events go, as a person is told."""
    servers = settings.events.bootstrap_servers
    return f"Kafka at {servers}" if servers else str(files_folder(lake(settings)))


@contextmanager
def sending(settings: Settings) -> Iterator[Send]:
    """What sends (topic, keys, values); at the end of the block all of it has arrived, or an error says what has not.

    Topics and files that are not there are made, each with its partitions. Raises `BrokerAwayError`, `EventFilesError`.
    """
    servers, names = settings.events.bootstrap_servers, list(topics(settings.events.topic_prefix))
    if servers:
        ensure_topics(servers, names, PARTITIONS)
        with producing(servers) as send:
            yield send
    else:
        with appending(lake(settings), names, settings.storage.lock_timeout_seconds) as send:
            yield send

"""How clients reach a broker: whether one answers, its topics made, and clear words where it is away.

confluent-kafka is imported where it is used: whoever has no broker need not wait for it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from resources.errors import RecoError

if TYPE_CHECKING:
    from confluent_kafka import Consumer
    from confluent_kafka.admin import AdminClient

ASKED_SECONDS = 10.0  # a broker that is up answers in milliseconds
QUIET = {"log_level": 0}  # what matters comes back as an error; librdkafka would write each attempt to standard error


class BrokerAwayError(RecoError):
    """No broker answers, or it refused what was asked; the message names it and says what to do."""


def admin(servers: str) -> "AdminClient":
    """A client for topics and their metadata; it connects with the first question."""
    from confluent_kafka.admin import AdminClient

    return AdminClient({"bootstrap.servers": servers, **QUIET})


def consumer(servers: str) -> "Consumer":
    """A client that reads the partitions it is assigned, from offsets it is told: the broker keeps none for it.

    An offset that is not there is an error, not another place to read on; a partition's end is told.
    """
    from confluent_kafka import Consumer

    return Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "reco-assets",  # librdkafka wants one, also where nothing is committed
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            **QUIET,
        }
    )


def answers(servers: str, seconds: float = ASKED_SECONDS) -> bool:
    """Whether a broker answers within so many seconds."""
    from confluent_kafka import KafkaException

    try:
        return bool(admin(servers).list_topics(timeout=seconds).brokers)
    except KafkaException:
        return False


def away(servers: str, found: object, doing: str) -> BrokerAwayError:
    """The error for a broker that does not answer, `doing` what: "sending 10 events to reco.views"."""
    return BrokerAwayError(
        f"The Kafka broker {servers} failed while {doing}: {found}. Start it, or correct KAFKA_BOOTSTRAP_SERVERS, and "
        "start again; or leave that variable out: events then go by files."
    )


def cluster_id(servers: str) -> str:
    """The id that a cluster was given when it was made; who has another id has other topics and offsets.

    Raises `BrokerAwayError`.
    """
    from confluent_kafka import KafkaException

    try:
        return str(admin(servers).list_topics(timeout=ASKED_SECONDS).cluster_id)
    except KafkaException as error:
        raise away(servers, error.args[0].str(), "telling its cluster's id") from None


def holds_messages(servers: str, names: Iterable[str]) -> bool:
    """Whether any of these topics exists and has a message. Raises `BrokerAwayError`."""
    from confluent_kafka import KafkaException, TopicPartition

    reader = consumer(servers)
    try:
        there = reader.list_topics(timeout=ASKED_SECONDS).topics
        parts = [TopicPartition(name, part) for name in names if name in there for part in there[name].partitions]
        marks = (reader.get_watermark_offsets(part, timeout=ASKED_SECONDS) for part in parts)
        return any(newest > oldest for oldest, newest in marks)
    except KafkaException as error:
        raise away(servers, error.args[0].str(), "telling what its topics hold") from None
    finally:
        reader.close()


def ensure_topics(servers: str, names: Iterable[str], partitions: int) -> None:
    """Make those topics that are not there, with so many partitions each. Raises `BrokerAwayError`."""
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

    client = admin(servers)
    try:
        there = client.list_topics(timeout=ASKED_SECONDS).topics
    except KafkaException as error:
        raise away(servers, error.args[0].str(), "listing its topics") from None
    missing = [NewTopic(name, partitions) for name in names if name not in there]
    for name, made in (client.create_topics(missing) if missing else {}).items():
        try:
            made.result(ASKED_SECONDS)
        except KafkaException as error:  # another process may have made it meanwhile
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise away(servers, error.args[0].str(), f"making the topic {name}") from None

"""Messages to a broker, each once and in order, or one clear error."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from resources.kafka.clients import QUIET, away

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

DELIVERY_SECONDS = 120.0  # how long a broker may be away in the middle: time to be started again
WAIT_SECONDS = 0.5  # at a time, so that Ctrl-C is heard
QUEUED = 200_000  # messages that wait at most: who makes them faster than the broker takes them waits, too

Send = Callable[[str, Sequence[str], Sequence[bytes]], None]


@dataclass
class _Delivery:
    """What the broker said of messages: how many were handed over, and the first that it did not take, if any."""

    servers: str
    sent: int = 0
    failed: list[tuple[str, "KafkaError"]] = field(default_factory=list)

    def report(self, error: "KafkaError | None", message: "Message") -> None:
        if error is not None:
            self.failed.append((str(message.topic()), error))

    def check(self, waiting: int = 0) -> None:
        """Raise `BrokerAwayError` where a message was not taken."""
        if self.failed:
            topic, error = self.failed[0]
            lost = len(self.failed) + waiting
            doing = f"taking events for {topic}: of {self.sent:,} sent, {lost:,} did not arrive"
            raise away(self.servers, error.str(), doing)


@contextmanager
def producing(servers: str) -> Iterator[Send]:
    """What sends (topic, keys, values); at the end of the block, all of it has arrived.

    The producer is idempotent and waits for all replicas: what it sends again because a broker went away in between is
    neither lost nor doubled. Raises `BrokerAwayError` where a message has not arrived after `DELIVERY_SECONDS`.
    """
    from confluent_kafka import Producer

    delivery = _Delivery(servers)
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": "lz4",
            "linger.ms": 50,
            "reconnect.backoff.max.ms": 1_000,  # a broker that is back is found within a second, not within ten
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": QUEUED,
            "message.timeout.ms": int(DELIVERY_SECONDS * 1_000),
            "partitioner": "murmur2_random",  # as Kafka's own clients: a key is in one partition whoever sends it
            "on_delivery": delivery.report,
            "delivery.report.only.error": True,
            **QUIET,
        }
    )

    def send(topic: str, keys: Sequence[str], values: Sequence[bytes]) -> None:
        for key, value in zip(keys, values, strict=True):
            _produce(producer, delivery, topic, key, value)
            delivery.sent += 1
        producer.poll(0)
        delivery.check(len(producer))

    try:
        yield send
        while producer.flush(WAIT_SECONDS):
            delivery.check(len(producer))
    except BaseException:
        producer.purge()  # or the client would go on trying while the error is on its way
        raise
    delivery.check()


def _produce(producer: "Producer", delivery: _Delivery, topic: str, key: str, value: bytes) -> None:
    from confluent_kafka import KafkaException

    while True:
        try:
            producer.produce(topic, value, key)
            return
        except BufferError:
            producer.poll(WAIT_SECONDS)
            delivery.check(len(producer))
        except KafkaException as error:
            raise away(delivery.servers, error.args[0].str(), f"sending an event to {topic}") from None

"""Events from a Kafka broker, read by confluent-kafka from offsets that the log keeps: the broker keeps none for us."""

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reco_assets.events.extraction.messages import Messages, OffsetsGoneError, Partition, Span
from resources.kafka.clients import ASKED_SECONDS, admin, away, consumer

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError, Message
    from confluent_kafka.admin import AdminClient

PATIENCE_SECONDS = 30.0  # without a message of those that are there; a broker that restarts needs 3 to 8
_AT_ONCE, _WAIT_SECONDS = 10_000, 0.2  # messages a call, which waits so long for the last of them


@dataclass(frozen=True)
class KafkaSource:
    """The topics of a broker; `patience`: seconds after which a broker that gives nothing is an error."""

    servers: str
    patience: float = PATIENCE_SECONDS

    def partitions(self, topics: Sequence[str]) -> list[Partition]:
        """The partitions of those topics that are there, each with its topic's own id. Raises `BrokerAwayError`.

        A broker whose partitions change their leader, as just after a start, is asked again for `patience` seconds.
        """
        from confluent_kafka import KafkaException

        asked = time.monotonic()
        while True:
            try:
                found = _partitions(admin(self.servers), topics)
                break
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() - asked > self.patience:
                    raise away(self.servers, error.args[0].str(), "looking at its topics") from None
            time.sleep(_WAIT_SECONDS)
        if not found:
            warnings.warn(f"{self.servers} has none of the topics {', '.join(topics)} (yet).", stacklevel=2)
        return found

    def span(self, partition: Partition, start: int, most: int | None) -> Span:
        """The next messages; offsets that hold none (of transactions, or of compaction) are counted with them."""
        end = partition.end if most is None else min(start + most, partition.end)
        return Span(partition, start, end, end - start)

    def read(self, spans: Sequence[Span]) -> list[Messages]:
        """The messages of the spans. Raises `BrokerAwayError`, `OffsetsGoneError`."""
        found = {(span.partition.topic, span.partition.number): Messages(span, [], [], []) for span in spans}
        wanted = {place: messages for place, messages in found.items() if messages.span.messages}
        if wanted:
            client = consumer(self.servers)
            try:
                self._fill(client, wanted)
            finally:
                client.close()
        return list(found.values())

    def _fill(self, client: "Consumer", wanted: dict[tuple[str, int], Messages]) -> None:
        from confluent_kafka import TopicPartition

        client.assign([TopicPartition(*place, messages.span.start) for place, messages in wanted.items()])
        heard = time.monotonic()
        while wanted:
            batch = client.consume(_AT_ONCE, _WAIT_SECONDS)
            for message in batch:
                place = (str(message.topic()), int(message.partition() or 0))
                if place in wanted and self._is_last(message, wanted[place]):
                    del wanted[place]
                    client.pause([TopicPartition(*place)])
            if batch:
                heard = time.monotonic()
            elif time.monotonic() - heard > self.patience:
                waited = f"no answer for {self.patience:.0f} s"
                raise away(self.servers, waited, f"reading {', '.join(sorted({topic for topic, _ in wanted}))}")

    def _is_last(self, message: "Message", messages: Messages) -> bool:
        """Take a message, and say whether the span has no other after it."""
        span, offset = messages.span, int(message.offset() or 0)
        if (error := message.error()) is not None:
            return self._is_end(error, offset, span)
        if offset < span.end:
            messages.offsets.append(offset)
            messages.keys.append(_bytes(message.key()))
            messages.values.append(_bytes(message.value()))
        return offset >= span.end - 1

    def _is_end(self, error: "KafkaError", offset: int, span: Span) -> bool:
        """Whether an error is but word of the partition's end. Raises `BrokerAwayError`, `OffsetsGoneError`."""
        from confluent_kafka import KafkaError

        if error.code() == KafkaError._PARTITION_EOF and offset >= span.end:
            return True
        gone = (KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET, KafkaError.UNKNOWN_TOPIC_OR_PART)
        if error.code() in gone:
            raise OffsetsGoneError(
                f"Messages of {span.partition} went away while they were read ({error.str()}). Start again: extraction "
                "goes on at the oldest that the broker keeps."
            )
        raise away(self.servers, error.str(), f"reading {span.partition}")


def _partitions(client: "AdminClient", topics: Sequence[str]) -> list[Partition]:
    described = _described(client, topics)
    names = [(topic, number) for topic, (_, numbers) in described.items() for number in numbers]
    oldest, end = _offsets(client, names)
    return [
        Partition(described[topic][0], topic, number, oldest[topic, number], end[topic, number])
        for topic, number in names
    ]


def _described(client: "AdminClient", topics: Sequence[str]) -> dict[str, tuple[str, list[int]]]:
    """{topic: its id, its partitions} of those that are there."""
    from confluent_kafka import KafkaError, KafkaException, TopicCollection

    found = dict[str, tuple[str, list[int]]]()
    for topic, answer in client.describe_topics(TopicCollection(list(topics)), request_timeout=ASKED_SECONDS).items():
        try:
            described = answer.result(2 * ASKED_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
            continue
        found[topic] = (str(described.topic_id), [partition.id for partition in described.partitions])
    return found


def _offsets(client: "AdminClient", places: Sequence[tuple[str, int]]) -> list[dict[tuple[str, int], int]]:
    """The offset of each partition's oldest message, and the one after its newest that is no part of an open
    transaction.
    """
    from confluent_kafka import IsolationLevel, TopicPartition
    from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

    asked = [TopicPartition(*place) for place in places]
    options: dict[str, Any] = {"isolation_level": IsolationLevel.READ_COMMITTED, "request_timeout": ASKED_SECONDS}
    ends: tuple[Any, Any] = (OffsetSpec.earliest(), OffsetSpec.latest())  # type: ignore[no-untyped-call]
    answers = [client.list_offsets(dict.fromkeys(asked, spec), **options) if asked else {} for spec in ends]
    return [
        {(place.topic, place.partition): found.result(2 * ASKED_SECONDS).offset for place, found in answer.items()}
        for answer in answers
    ]


def _bytes(content: str | bytes | None) -> bytes | None:
    return content.encode() if isinstance(content, str) else content

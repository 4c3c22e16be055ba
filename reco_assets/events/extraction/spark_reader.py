"""Events from a Kafka broker, read by Spark's own Kafka source: its executors fetch, each some partitions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.events.extraction.kafka_reader import KafkaSource
from reco_assets.events.extraction.messages import EventsError, Messages, OffsetsGoneError, Partition, Span
from resources.engine import Engine
from resources.kafka.clients import away
from resources.spark_jars import KAFKA_JARS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class SparkKafkaSource:
    """The topics of a broker, whose partitions and offsets it tells itself and whose messages Spark reads."""

    broker: KafkaSource
    engine: Engine

    def partitions(self, topics: Sequence[str]) -> list[Partition]:
        """As `KafkaSource.partitions`."""
        return self.broker.partitions(topics)

    def span(self, partition: Partition, start: int, most: int | None) -> Span:
        """As `KafkaSource.span`."""
        return self.broker.span(partition, start, most)

    def read(self, spans: Sequence[Span]) -> list[Messages]:
        """The messages of the spans. Raises `BrokerAwayError`, `OffsetsGoneError`, and `EventsError` where Spark lacks
        its Kafka source.
        """
        from pyspark.errors import PySparkException

        wanted = [span for span in spans if span.messages]
        if not wanted:
            return [Messages(span, [], [], []) for span in spans]
        try:
            rows = self._frame(wanted).select("topic", "partition", "offset", "key", "value").toArrow()
        except PySparkException as error:
            raise self._why(wanted, error) from None
        return [_messages(span, rows) for span in spans]

    def _frame(self, spans: Sequence[Span]) -> "DataFrame":
        options = {
            "kafka.bootstrap.servers": self.broker.servers,
            "kafka.isolation.level": "read_committed",
            "kafkaConsumer.pollTimeoutMs": str(int(self.broker.patience * 1_000)),
            "assign": _by_topic(dict.fromkeys(spans)),
            "startingOffsets": _by_topic({span: span.start for span in spans}),
            "endingOffsets": _by_topic({span: span.end for span in spans}),
        }
        return self.engine.session.read.format("kafka").options(**options).load()

    def _why(self, spans: Sequence[Span], error: Exception) -> Exception:
        """What kept Spark from reading, in words of what can be done about it."""
        said = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        if "data source" in said.lower() and "kafka" in said.lower():
            return EventsError(
                f"Spark has no Kafka source ({said}). Start it with --packages {','.join(KAFKA_JARS)}, or run with "
                "RECO_ENGINE=embedded."
            )
        topics = sorted({span.partition.topic for span in spans})
        oldest = {found.stream: found.oldest for found in self.partitions(topics)}
        for span in spans:
            if oldest.get(span.partition.stream, span.end) > span.start:
                return OffsetsGoneError(f"Messages of {span.partition} went away while Spark read them. Start again.")
        return away(self.broker.servers, said, f"reading {', '.join(topics)} by Spark")


def _by_topic(values: dict[Span, int | None]) -> str:
    """As JSON: {topic: {partition: value}}, or {topic: [partition, …]} where the values are None."""
    named: dict[str, Any] = {}
    for span, value in values.items():
        topic, number = span.partition.topic, span.partition.number
        if value is None:
            named.setdefault(topic, []).append(number)
        else:
            named.setdefault(topic, {})[str(number)] = value
    return json.dumps(named)


def _messages(span: Span, rows: pa.Table) -> Messages:
    of_span = pac.and_(
        pac.equal(rows["topic"], span.partition.topic), pac.equal(rows["partition"], span.partition.number)
    )
    found = rows.filter(of_span).sort_by("offset")
    return Messages(span, *(found[name].to_pylist() for name in ("offset", "key", "value")))

"""Against a real broker: whatever happens to it, to the topics or to the extraction, each event is in the lake once."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from confluent_kafka import KafkaException, Producer, TopicPartition

from reco_assets.events.extraction import kafka_reader
from reco_assets.events.extraction.extract import STEPS, extract
from reco_assets.events.extraction.gaps import gaps_since
from reco_assets.events.extraction.kafka_reader import PATIENCE_SECONDS, KafkaSource
from resources.kafka.broker import Broker
from resources.kafka.clients import ASKED_SECONDS, BrokerAwayError, admin, consumer, ensure_topics
from resources.loopback import free_port
from resources.tables.lakehouse import Lakehouse
from tests.events.conftest import Lake, event

EXTRACT = "reco_assets.events.extraction.extract:extract"
pytestmark = pytest.mark.slow


def send(servers: str, topic: str, *messages: bytes, partition: int = 0) -> None:
    """Send messages to one partition of a topic, which is made with three."""
    ensure_topics(servers, [topic], partitions=3)
    producer = Producer({"bootstrap.servers": servers, "queue.buffering.max.messages": 200_000})
    for message in messages:
        producer.produce(topic, message, key=b"7", partition=partition)
    assert producer.flush(60) == 0


def forget_before(servers: str, topic: str, offset: int) -> None:
    """Let the broker delete the messages before an offset, as its retention does."""
    client = admin(servers)  # kept, as an answer comes to no client that is gone
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        (deleted,) = client.delete_records([TopicPartition(topic, 0, offset)]).values()
        try:
            deleted.result(ASKED_SECONDS)
            return
        except KafkaException as error:
            # Just after a topic was made its partition may have no leader yet.
            if not error.args[0].retriable() or time.monotonic() > until:
                raise


@pytest.fixture
def ratings(topic_prefix: str) -> str:
    return f"{topic_prefix}ratings"


@pytest.fixture
def lakehouse(make_lakehouse: Callable[..., Lakehouse], broker: Broker, topic_prefix: str) -> Lakehouse:
    return make_lakehouse(kafka_bootstrap_servers=broker.address, events_topic_prefix=topic_prefix)


def test_an_empty_partition_and_a_poison_message_stop_nothing(
    lakehouse: Lakehouse, broker: Broker, ratings: str, lake: Lake
) -> None:
    send(broker.address, ratings, event("a"), b"poison", event("b"))
    send(broker.address, ratings, event("c"), event("a"), partition=2)
    done = extract(lakehouse)
    assert lake.ids == ["a", "b", "c"]
    assert (done.read.total(), done.duplicates.total(), done.conserved) == (5, 1, True)
    [letter] = lake.letters
    place = (letter["topic"], letter["partition"], letter["offset"], letter["key"], letter["raw"])
    assert place == (ratings, 0, 1, b"7", b"poison")


def test_messages_go_on_where_the_last_extraction_ended(
    lakehouse: Lakehouse, broker: Broker, ratings: str, lake: Lake
) -> None:
    for name in "abc":
        send(broker.address, ratings, event(name, schema_version=1 + (name == "c"), new=name))
        assert extract(lakehouse).read.total() == 1
    assert extract(lakehouse).read.total() == 0
    assert [row["offset"] for row in sorted(lake.rows, key=lambda row: row["event_id"])] == [0, 1, 2]
    assert {row["extra"] for row in lake.rows} >= {'{"new":"a"}', '{"new":"c","schema_version":2}'}


def test_messages_older_than_retention_are_told_and_recorded_and_the_rest_is_taken(
    lakehouse: Lakehouse, broker: Broker, ratings: str, lake: Lake
) -> None:
    send(broker.address, ratings, event("a"))
    extract(lakehouse)
    send(broker.address, ratings, *(event(name) for name in "bcd"))
    forget_before(broker.address, ratings, 3)
    done = extract(lakehouse)
    assert [str(gap) for gap in done.gaps] == [f"2 messages of partition 0 of {ratings} from offset 1 on"]
    assert lake.ids == ["a", "d"]
    [gap] = lake.letters
    assert (gap["offset"], gap["messages"], gap["raw"], gap["reasons"]) == (1, 2, None, ["older_than_retention"])
    assert not extract(lakehouse).gaps
    assert gaps_since(lakehouse, datetime.now(UTC) - timedelta(minutes=5)) == done.losses  # a check sees it later, too


def test_messages_that_go_away_while_they_are_read_are_a_gap_of_the_next_try(
    lakehouse: Lakehouse, broker: Broker, ratings: str, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(broker.address, ratings, event("a"))
    extract(lakehouse)
    send(broker.address, ratings, event("b"), event("c"))
    forget = [lambda: forget_before(broker.address, ratings, 2)]

    def forgetting(servers: str) -> Any:
        if forget:
            forget.pop()()
        return consumer(servers)

    monkeypatch.setattr(kafka_reader, "consumer", forgetting)
    assert [gap.lost for gap in extract(lakehouse).gaps] == [1]
    assert lake.ids == ["a", "c"]


def test_a_topic_made_anew_is_read_from_its_start(
    lakehouse: Lakehouse, broker: Broker, ratings: str, lake: Lake
) -> None:
    send(broker.address, ratings, event("a"), event("b"))
    extract(lakehouse)
    client = admin(broker.address)
    client.delete_topics([ratings])[ratings].result(ASKED_SECONDS)
    while ratings in client.list_topics(timeout=ASKED_SECONDS).topics:
        pass
    send(broker.address, ratings, event("b"), event("c"))
    assert extract(lakehouse).duplicates.total() == 1
    assert lake.ids == ["a", "b", "c"]


def test_messages_of_an_aborted_transaction_are_no_events(
    lakehouse: Lakehouse, broker: Broker, ratings: str, lake: Lake
) -> None:
    send(broker.address, ratings, event("a"))
    producer = Producer({"bootstrap.servers": broker.address, "transactional.id": ratings})
    producer.init_transactions()
    for name, end in (("aborted", producer.abort_transaction), ("b", producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce(ratings, event(name), partition=0)
        producer.flush()
        end()
    extract(lakehouse)
    assert lake.ids == ["a", "b"]
    assert extract(lakehouse).lag.total() == 0


def test_extractions_killed_at_every_step_and_two_at_once_lose_and_double_nothing(
    lakehouse: Lakehouse, broker: Broker, ratings: str, lake: Lake, run_apart: Callable
) -> None:
    sent = [event(str(number)) for number in range(300)]
    send(broker.address, ratings, *sent[:200], b"poison")
    send(broker.address, ratings, *sent[150:], partition=1)
    for step in STEPS:
        [ended] = run_apart(EXTRACT, lakehouse, crash_at=[step])
        assert ended.code == -9, ended.error
    send(broker.address, ratings, *sent, partition=2)
    ended = run_apart(EXTRACT, lakehouse, crash_at=["", ""])
    assert [one.code for one in ended] == [0, 0], ended
    assert lake.ids == sorted(map(str, range(300)))
    assert [letter["raw"] for letter in lake.letters] == [b"poison"]


def test_a_broker_killed_while_it_is_read_is_named_and_the_next_extraction_takes_the_rest(
    make_lakehouse: Callable[..., Lakehouse], own_broker: Callable[..., Broker], monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = own_broker()
    lakehouse = make_lakehouse(kafka_bootstrap_servers=broker.address)
    padding = "x" * 900  # 27 MB, more than a client fetches ahead before the broker is gone
    send(broker.address, "reco.ratings", *(event(str(number), padding=padding) for number in range(30_000)))
    killing = _KilledWhileRead(broker)
    monkeypatch.setattr(kafka_reader, "consumer", killing.consumer)
    with pytest.raises(
        BrokerAwayError, match=rf"{broker.address} failed while reading reco.ratings: no answer for 1 s"
    ):
        extract(lakehouse, [KafkaSource(broker.address, patience=1.0)])
    assert killing.done.is_set()
    assert lakehouse.row_count("events/log") == 0
    broker.start()
    assert extract(lakehouse).events.total() == 30_000
    lake = Lake(lakehouse)
    assert len(set(lake.ids)) == len(lake.ids) == 30_000


def test_a_broker_without_any_of_the_topics_is_told_of_and_is_no_error(lakehouse: Lakehouse, ratings: str) -> None:
    with pytest.warns(UserWarning, match=f"has none of the topics .*{ratings}"):
        assert not extract(lakehouse).read


def test_a_broker_that_is_away_is_named(
    make_lakehouse: Callable[..., Lakehouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_reader, "ASKED_SECONDS", 0.5)
    servers = f"127.0.0.1:{free_port()}"
    with pytest.raises(BrokerAwayError, match=rf"{servers} failed while looking at its topics"):
        extract(make_lakehouse(kafka_bootstrap_servers=servers))


class _KilledWhileRead:
    """Kills a broker after the first messages that a consumer gives."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.done = Event()

    def consumer(self, servers: str) -> Any:
        self._client = consumer(servers)
        return self

    def consume(self, _: int, timeout: float) -> list[Any]:
        found: list[Any] = self._client.consume(100, timeout)
        if found and not self.done.is_set():
            self._broker.kill()
            self.done.set()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

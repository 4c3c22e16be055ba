"""Events to a real broker: each arrives once, whatever happens to the broker; and one that is away is named."""

import threading
from collections.abc import Callable, Sequence
from datetime import date

import pytest
from confluent_kafka import TopicPartition

from reco_assets.events.outlets import sending
from reco_assets.events.simulation.daily import simulate
from resources.kafka import producing
from resources.kafka.broker import Broker
from resources.kafka.clients import ASKED_SECONDS, BrokerAwayError, cluster_id, consumer
from resources.settings import Settings, load_settings

pytestmark = pytest.mark.slow


def settings_for(broker: Broker, prefix: str, **given: object) -> Settings:
    return load_settings(kafka_bootstrap_servers=broker.address, events_topic_prefix=prefix, **given)


def messages(broker: Broker, topic: str) -> list[tuple[str, bytes, int]]:
    """(key, value, partition) of everything in a topic, partition by partition in the order of offsets."""
    reader = consumer(broker.address)
    parts = [TopicPartition(topic, part, 0) for part in range(3)]
    left = sum(reader.get_watermark_offsets(part, timeout=ASKED_SECONDS)[1] for part in parts)
    reader.assign(parts)
    found = []
    while left:
        message = reader.poll(ASKED_SECONDS)
        assert message is not None
        if message.error() is None:
            found.append((message.key().decode(), message.value(), message.partition()))
            left -= 1
    reader.close()
    return sorted(found, key=lambda message: message[2])


def test_messages_arrive_once_and_those_of_a_key_in_one_partition_in_their_order(
    broker: Broker, topic_prefix: str
) -> None:
    keys = [str(number % 7) for number in range(1_000)]
    with sending(settings_for(broker, topic_prefix)) as send:
        send(f"{topic_prefix}views", keys, [b"%d" % number for number in range(1_000)])
    found = messages(broker, f"{topic_prefix}views")
    assert sorted(int(value) for _, value, _ in found) == list(range(1_000))
    for key in "0123456":
        own = [(int(value), part) for each, value, part in found if each == key]
        assert [value for value, _ in own] == sorted(value for value, _ in own)
        assert len({part for _, part in own}) == 1


def test_a_broker_that_is_killed_in_the_middle_and_comes_back_has_every_message_once(
    own_broker: Callable[..., Broker],
) -> None:
    broker, numbers = own_broker(), range(60_000)
    cluster = cluster_id(broker.address)
    values: Sequence[bytes] = [b"%d" % number for number in numbers]
    back = threading.Thread(target=broker.start)
    with sending(settings_for(broker, "t.")) as send:
        for start in numbers[::1_000]:
            send("t.views", [str(start)] * 1_000, values[start : start + 1_000])
            if start == 30_000:
                broker.kill()
                back.start()
    back.join()
    assert sorted(int(value) for _, value, _ in messages(broker, "t.views")) == list(numbers)
    assert cluster_id(broker.address) == cluster


def test_a_broker_that_stays_away_is_named_with_how_much_did_not_arrive(
    own_broker: Callable[..., Broker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producing, "DELIVERY_SECONDS", 2.0)
    broker = own_broker()

    def send_and_lose_it() -> None:
        with sending(settings_for(broker, "t.")) as send:
            broker.kill()
            send("t.views", ["1"] * 10, [b"{}"] * 10)

    with pytest.raises(BrokerAwayError, match=rf"{broker.address} failed while .*t\.views: of 10 sent, 10 did not"):
        send_and_lose_it()


def test_pipelines_go_on_with_a_broker_and_leave_topics_alone_that_others_filled(
    broker: Broker, topic_prefix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ours, theirs = (
        settings_for(broker, topic_prefix, lakehouse_path=tmp_path_factory.mktemp("lake"), synthetic_users=5)
        for _ in range(2)
    )
    assert simulate(ours, date(2026, 3, 1))["events"] > 0
    assert simulate(ours, date(2026, 3, 2))["first_day"] == "2026-03-01"
    refused = simulate(theirs, date(2026, 3, 2))
    assert refused["events"] == 0
    assert f"the topics {topic_prefix}* at {broker.address} hold events" in refused["skipped"]

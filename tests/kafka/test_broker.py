"""The broker of one's own: real Kafka, which has what it had when it is started again."""

import uuid
from pathlib import Path

import pytest

from resources.kafka import clients
from resources.kafka.broker import Broker, BrokerError, java_program
from resources.kafka.clients import BrokerAwayError, admin, ensure_topics
from resources.kafka.jars import KafkaJarsError, kafka_jars
from resources.loopback import free_port


@pytest.mark.slow
def test_topics_are_made_once_with_their_partitions(broker: Broker, topic_prefix: str) -> None:
    ensure_topics(broker.address, [f"{topic_prefix}a"], partitions=3)
    ensure_topics(broker.address, [f"{topic_prefix}a", f"{topic_prefix}b"], partitions=3)
    found = admin(broker.address).list_topics(timeout=10).topics
    assert [len(found[f"{topic_prefix}{name}"].partitions) for name in "ab"] == [3, 3]


@pytest.mark.slow
def test_a_port_in_use_is_named(broker: Broker, tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=rf"^{broker.address} is in use by another program; end that, or choose"):
        Broker(tmp_path, broker.jars, broker.port).start()
    with pytest.raises(BrokerError, match=rf"in use by the broker of {broker.folder}, process \d+; end that"):
        Broker(broker.folder, broker.jars, broker.port).start()


@pytest.mark.slow
def test_a_cluster_id_may_begin_with_what_begins_an_option(
    broker_jars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.kafka.broker.uuid.uuid4", lambda: uuid.UUID(bytes=b"\xf8" * 16))
    started = Broker(tmp_path, broker_jars, free_port())
    started.start()
    try:
        assert admin(started.address).list_topics(timeout=10).cluster_id.startswith("-")
    finally:
        started.stop()


@pytest.mark.slow
def test_a_broker_that_does_not_start_says_what_its_log_says(broker: Broker, tmp_path: Path) -> None:
    wrong = Broker(tmp_path, broker.jars, free_port(), {"log.retention.ms": "soon"})
    with pytest.raises(BrokerError, match=r"(?s)could not format.*log\.retention\.ms"):
        wrong.start()


def test_a_broker_that_is_away_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "ASKED_SECONDS", 0.5)
    servers = f"127.0.0.1:{free_port()}"
    with pytest.raises(BrokerAwayError, match=rf"{servers} failed .*Start it, or correct KAFKA_BOOTSTRAP_SERVERS"):
        ensure_topics(servers, ["any"], partitions=1)


def test_without_java_the_error_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(BrokerError, match="apt-get install openjdk-17-jre-headless"):
        java_program()


def test_without_maven_the_error_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KafkaJarsError, match="apt-get install maven"):
        kafka_jars(tmp_path)


def test_where_maven_fails_its_error_is_told_and_no_half_folder_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven = tmp_path / "bin" / "mvn"
    maven.parent.mkdir()
    maven.write_text("#!/bin/sh\necho '[ERROR] Could not transfer artifact'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{maven.parent}:/bin:/usr/bin")
    with pytest.raises(KafkaJarsError, match="Could not transfer artifact"):
        kafka_jars(tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache" / "kafka").iterdir()] == [".lock"]

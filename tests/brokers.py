"""A real Kafka broker for the tests that need one: one for a whole run of tests, or one of a test's own to kill."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resources.kafka.broker import Broker, BrokerError, java_program, running
from resources.kafka.jars import KafkaJarsError, kafka_jars
from resources.loopback import free_port
from resources.settings import load_settings


@pytest.fixture(scope="session")
def broker_jars(_no_settings_from_outside: None) -> Path:
    """The folder of the broker's JARs; where they can't be had, tests of brokers are skipped with the reason."""
    try:
        java_program()
        return kafka_jars(load_settings().storage.cache)
    except (BrokerError, KafkaJarsError) as error:
        pytest.skip(f"no Kafka broker: {error}")


@pytest.fixture(scope="session")
def broker(broker_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that all tests of the run share, each with topics of its own; nobody stops it."""
    folder = tmp_path_factory.mktemp("broker")
    with running(Broker(folder, broker_jars, free_port())) as broker:
        yield broker


@pytest.fixture
def own_broker(broker_jars: Path, tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    """Start a broker of the test's own, with Kafka's server properties as keyword arguments ("_" for "."). The test may
    kill and start it again.
    """
    started: list[Broker] = []

    def start(**options: str) -> Broker:
        properties = {name.replace("_", "."): value for name, value in options.items()}
        broker = Broker(tmp_path / f"broker-{len(started)}", broker_jars, free_port(), properties)
        broker.start()
        started.append(broker)
        return broker

    yield start
    for broker in started:
        broker.stop()


@pytest.fixture
def topic_prefix() -> str:
    """A beginning of topics' names that no other test has."""
    return f"test-{uuid.uuid4().hex[:8]}."

"""How long 1 M events take to a Kafka broker, beside the fastest plain script for it.

`python bench/events.py`: a broker of its own in a temporary folder, about so many simulated events to it.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

from confluent_kafka import Producer

from reco_assets.events.schema import PARTITIONS, topics
from reco_assets.events.simulation.generate import generate
from reco_assets.events.simulation.messages import messages_of
from reco_assets.events.simulation.people import Plan, days, town
from resources.kafka.broker import Broker, free_port, running
from resources.kafka.clients import ensure_topics
from resources.kafka.jars import kafka_jars
from resources.settings import Settings, load_settings

FIRST, DAYS = date(2026, 1, 1), 60
A_USER = 375  # events of one in that time
PLAIN = "plain."

T = TypeVar("T")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    plan = Plan(users=max(1, parser.parse_args().events // A_USER), movies=2_000, seed=1, first=FIRST)
    with tempfile.TemporaryDirectory() as folder:
        cache = load_settings().storage.cache
        with running(Broker(Path(folder, "broker"), kafka_jars(cache), free_port())) as broker:
            settings = load_settings(kafka_bootstrap_servers=broker.address, lakehouse_path=Path(folder, "lake"))
            measure_sending(settings, plan)


def measure_sending(settings: Settings, plan: Plan) -> None:
    """Print how long making and sending took, and sending alone by a plain script, of messages made before."""
    end = FIRST + timedelta(DAYS)
    seconds, sent = timed(lambda: generate(settings, plan, FIRST, end))
    tell("made and sent by the platform", seconds, sent.events)
    people = town(plan)
    seconds, made = timed(lambda: [m for day in days(FIRST, end) for m in messages_of(people, day)])
    raw = [(f"{PLAIN}{m.kind.topic}", key, value) for m in made for key, value in zip(m.keys, m.values, strict=True)]
    tell("  of this, made", seconds, len(raw))
    ensure_topics(servers := str(settings.events.bootstrap_servers), topics(PLAIN), PARTITIONS)
    seconds, _ = timed(lambda: send_plainly(servers, iter(raw)))
    tell("sent by a plain script, each perhaps twice", seconds, len(raw))


def send_plainly(servers: str, messages: Iterator[tuple[str, str, bytes]]) -> None:
    """The fastest script for it: no order, no care for what comes twice."""
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 50, "compression.type": "lz4"})
    for topic, key, value in messages:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """How many seconds a call took, and what it returned."""
    start = time.perf_counter()
    found = call()
    return time.perf_counter() - start, found


def tell(what: str, seconds: float, events: int) -> None:
    """Print one line."""
    print(f"{what}: {events:,} events in {seconds:.1f} s, {events / seconds:,.0f} a second")


if __name__ == "__main__":
    main()

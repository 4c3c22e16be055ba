"""How long 1 M events take to a Kafka broker and from it into the lake, beside the fastest plain scripts for it.

`python bench/events.py`: a broker of its own in a temporary folder, about so many simulated events to it and from it.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
from confluent_kafka import Producer
from deltalake import write_deltalake
from pyarrow import json

from reco_assets.events.extraction.extract import extract
from reco_assets.events.extraction.kafka_reader import KafkaSource
from reco_assets.events.schema import PARTITIONS, topics
from reco_assets.events.simulation.generate import generate
from reco_assets.events.simulation.messages import Outgoing, introduction, messages_of
from reco_assets.events.simulation.people import Plan, Town, days, town
from resources.kafka.broker import Broker, running
from resources.kafka.clients import ensure_topics
from resources.kafka.jars import kafka_jars
from resources.loopback import free_port
from resources.settings import Settings, load_settings
from resources.tables.lakehouse import Lakehouse

FIRST, DAYS = date(2026, 1, 1), 60
A_USER = 375  # events of one in that time
PLAIN = "plain."

T = TypeVar("T")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    plan = Plan(users=max(1, parser.parse_args().events // A_USER), movies=2_000, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        cache = load_settings().storage.cache
        with running(Broker(Path(folder, "broker"), kafka_jars(cache), free_port())) as broker:
            settings = load_settings(kafka_bootstrap_servers=broker.address, lakehouse_path=Path(folder, "lake"))
            measure_sending(settings, plan)
            measure_taking(settings, Path(folder, "plain lake"))


def measure_sending(settings: Settings, plan: Plan) -> None:
    """Print how long making and sending took, and sending alone by a plain script, of messages made before."""
    end = FIRST + timedelta(DAYS)
    seconds, sent = timed(lambda: generate(settings, plan, FIRST, end))
    tell("made and sent by the platform", seconds, sent.events)
    people = town(plan)
    seconds, made = timed(lambda: everything_of(people, end))
    raw = [(f"{PLAIN}{m.kind.topic}", key, value) for m in made for key, value in zip(m.keys, m.values, strict=True)]
    tell("  of this, made", seconds, len(raw))
    ensure_topics(servers := str(settings.events.bootstrap_servers), topics(PLAIN), PARTITIONS)
    seconds, _ = timed(lambda: send_plainly(servers, iter(raw)))
    tell("sent by a plain script, each perhaps twice", seconds, len(raw))


def everything_of(people: Town, end: date) -> list[Outgoing]:
    """All messages that the platform sends of some people."""
    of_days = [made for day in days(FIRST, end) for made in messages_of(people, day)]
    return [*introduction(people, FIRST), *of_days]


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


def measure_taking(settings: Settings, plain_lake: Path) -> None:
    """Print how long extraction took, and taking the plain script's messages by another plain script."""
    lakehouse = Lakehouse.open(settings.changed(events_max_per_run=10_000_000))
    seconds, done = timed(lambda: extract(lakehouse))
    tell("taken into the lake by the platform", seconds, done.read.total())
    seconds, again = timed(lambda: extract(lakehouse))
    tell("  and once more, with nothing new", seconds, again.read.total())
    seconds, taken = timed(lambda: take_plainly(str(settings.events.bootstrap_servers), plain_lake))
    tell("taken by a plain script, unchecked", seconds, taken)


def take_plainly(servers: str, lake: Path) -> int:
    """The fastest script for it: no rule, no look at what came before, no care for a kill; returns the messages."""
    source = KafkaSource(servers)
    found: dict[str, list[bytes]] = {}
    for messages in source.read(
        [source.span(part, part.oldest, None) for part in source.partitions(list(topics(PLAIN)))]
    ):
        found.setdefault(messages.span.partition.topic, []).extend(value or b"" for value in messages.values)
    for values in found.values():
        rows = json.read_json(BytesIO(b"\n".join(values)))
        day = rows["event_ts"].cast(pa.timestamp("us", tz="UTC")).cast(pa.date32())
        write_deltalake(lake, rows.append_column("day", day), partition_by=["day"], mode="append", schema_mode="merge")
    return sum(map(len, found.values()))


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

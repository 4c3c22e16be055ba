"""Spark's Kafka source leaves the very rows that the embedded engine's client leaves."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reco_assets.events.extraction.extract import extract
from resources.kafka.broker import Broker
from resources.tables.lakehouse import Lakehouse
from tests.events.conftest import Lake, event
from tests.events.test_kafka_extraction import forget_before, send

# One session for all of it, in a process of its own: that of the tests was started without the source's JARs.
PROGRAM = """
import sys
from reco_assets.events.extraction.extract import extract
from resources.settings import load_settings
from resources.tables.lakehouse import Lakehouse
lakehouse = Lakehouse.open(load_settings())
for line in sys.stdin:
    print("done", str(extract(lakehouse)), flush=True)
"""
UNLIKE = ("ingested_ts",)


def rows(lake: Lake) -> list[dict[str, Any]]:
    found = [{name: value for name, value in row.items() if name not in UNLIKE} for row in lake.rows + lake.letters]
    return sorted(found, key=lambda row: json.dumps(row, default=str))


@pytest.mark.slow
@pytest.mark.spark_environment
def test_spark_and_the_embedded_engine_leave_the_same_rows_exactly_once(
    make_lakehouse: Callable[..., Lakehouse], broker: Broker, topic_prefix: str, tmp_path: Path
) -> None:
    given = {"kafka_bootstrap_servers": broker.address, "events_topic_prefix": topic_prefix}
    embedded = make_lakehouse(reco_engine="embedded", **given)
    spark = make_lakehouse(reco_engine="spark", data_lake_path=tmp_path / "by spark", **given)
    # The embedded session of this process has said here that there is Spark Connect alone.
    environment = {name: value for name, value in os.environ.items() if name != "SPARK_CONNECT_MODE_ENABLED"}
    variables = {name: str(value) for name, value in spark.settings.given().items()}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=environment | variables, stdin=-1, stdout=-1, text=True
    ) as process:
        assert process.stdin
        assert process.stdout

        def by_spark() -> str:
            print(file=process.stdin, flush=True)
            return next(line for line in process.stdout or () if line.startswith("done")).strip()

        topic = f"{topic_prefix}ratings"
        send(broker.address, topic, event("a"), b"poison", event("b"))
        send(broker.address, topic, event("a"), event("c"), partition=2)
        assert by_spark() == "done 5 messages: 3 new, 1 duplicates, 1 dead letters"
        extract(embedded)
        send(broker.address, topic, *(event(name) for name in "defg"))
        forget_before(broker.address, topic, 5)
        assert by_spark() == "done 2 messages: 2 new, 0 duplicates, 0 dead letters"
        extract(embedded)
        assert by_spark() == "done 0 messages: 0 new, 0 duplicates, 0 dead letters"
        process.stdin.close()
    assert rows(Lake(spark)) == rows(Lake(embedded))
    assert Lake(spark).ids == ["a", "b", "c", "f", "g"]

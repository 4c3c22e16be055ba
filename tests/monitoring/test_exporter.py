"""The exporter as Prometheus meets it: one page, read anew each time."""

import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families as parsed

from reco_assets.monitoring.exporter import ExporterError, serving
from reco_assets.monitoring.figures import Figure, Sample


def page(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        families = list(parsed(answer.read().decode()))
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_each_request_reads_the_figures_anew() -> None:
    asked = 0

    def read() -> Iterator[Figure]:
        nonlocal asked
        asked += 1
        yield Figure("looks", "How often it was asked.", [Sample(asked)])

    with serving(read, "127.0.0.1", 0) as port:
        assert [page(port)["reco_looks"], page(port)["reco_looks"]] == [1, 2]


def test_a_port_that_is_taken_is_one_clear_error() -> None:
    taken = r"can't be listened on.*another --port"
    with (
        serving(list, "127.0.0.1", 0) as port,
        pytest.raises(ExporterError, match=taken),
        serving(list, "127.0.0.1", port),
    ):
        pass

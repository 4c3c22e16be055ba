"""The figures as Prometheus reads them: `GET /metrics`, read anew at each request."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Event

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from reco_assets.monitoring.figures import Figure
from resources.errors import RecoError

PREFIX = "reco_"

Read = Callable[[], Iterable[Figure]]


class ExporterError(RecoError):
    """The exporter can't listen where it should; the message says why."""


class Figures(Collector):
    """What a registry of Prometheus's client asks at each request."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing: without this a registry reads all figures once before anybody asks."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every figure as a gauge; those without values, too, so that a page of them knows the name."""
        for figure in self._read():
            labels = sorted({name for sample in figure.samples for name in sample.labels})
            gauge = GaugeMetricFamily(f"{PREFIX}{figure.name}", figure.meaning, labels=labels)
            for sample in figure.samples:
                gauge.add_metric([sample.labels[name] for name in labels], sample.value)
            yield gauge


def registry(read: Read) -> CollectorRegistry:
    """The registry of these figures alone: nothing of the exporter's own process is told."""
    found = CollectorRegistry()
    found.register(Figures(read))
    return found


@contextmanager
def serving(read: Read, host: str, port: int) -> Iterator[int]:
    """Answer at an address while the block lasts; gives the port, that of 0 being any. Raises `ExporterError`."""
    try:
        server, thread = start_http_server(port, host, registry(read))
    except OSError as error:
        raise ExporterError(f"{host}:{port} can't be listened on: {error.strerror}. Give another --port.") from None
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def wait_for_ever() -> None:
    """Return never; Ctrl-C and SIGTERM end it as `KeyboardInterrupt`."""
    Event().wait()

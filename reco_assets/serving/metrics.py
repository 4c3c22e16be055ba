"""What Prometheus is told of serving: requests by route, and which model answers since when.

Worker processes share their numbers by files in a folder, which `server.py` names before this is imported.
"""

import os
import time

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import generate_latest as text_of
from prometheus_client.multiprocess import MultiProcessCollector

from reco_assets.models.versions.folders import began
from reco_assets.serving.current import Current
from reco_assets.web.guard import App, Message, Receive, Scope, Send

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = CONTENT_TYPE_LATEST
BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0)
NO_ROUTE = "none"  # of paths that are no route's, which would otherwise be as many as someone thinks of

_REQUESTS = Counter("reco_serving_requests", "Requests answered.", ("route", "status"))
_SECONDS = Histogram("reco_serving_request_seconds", "Time to answer.", ("route",), buckets=BUCKETS)
_SWAPS = Counter("reco_serving_swaps", "Snapshots opened, by all worker processes together.")
_FAILURES = Counter("reco_serving_swap_failures", "Snapshots that could not be opened.")


def _gauge(name: str, what: str) -> Gauge:
    return Gauge(name, what, multiprocess_mode="mostrecent")


_READY = _gauge("reco_serving_ready", "1 where a champion answers.")
_LOADED = _gauge("reco_serving_model_loaded_timestamp_seconds", "When what answers was opened, Unix seconds.")
_TRAINED = _gauge("reco_serving_model_trained_timestamp_seconds", "When the training of what answers began.")


def exposition() -> bytes:
    """All numbers, in Prometheus's text format."""
    if SHARED_FOLDER not in os.environ:
        return text_of(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return text_of(registry)


def count_swap(current: Current) -> None:
    """Count a snapshot that was opened, or one that could not be."""
    if current.failure is not None:
        _FAILURES.inc()
        return
    _SWAPS.inc()
    _LOADED.set(time.time())
    _READY.set(current.snapshot is not None)
    if current.snapshot is not None and (trained := began(current.snapshot.version)):
        _TRAINED.set(trained)


def measured(app: App) -> App:
    """The application, each of whose requests is timed and counted by its route and status."""

    async def measure(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began, status = time.perf_counter(), "500"

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await app(scope, receive, note)
        finally:
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            _REQUESTS.labels(route, status).inc()
            _SECONDS.labels(route).observe(time.perf_counter() - began)

    return measure

"""`reco metrics`: what Prometheus is told of runs, drift, batches and models."""

from contextlib import suppress
from typing import Annotated

import typer


def metrics(
    host: Annotated[str, typer.Option(help="The address to listen on; it has no login.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0: any that is free.")] = 9400,
) -> None:
    """Serve figures of runs, drift, batches and models at /metrics, for Prometheus, until Ctrl-C or SIGTERM.

    All of them are read when Prometheus asks, from the lakehouse and from DAGSTER_HOME.
    """
    from reco_assets.monitoring.exporter import serving, wait_for_ever
    from reco_assets.monitoring.figures import all_figures
    from resources.dagster_home import open_instance
    from resources.settings import load_settings

    settings = load_settings()
    with open_instance() as instance, serving(lambda: all_figures(settings, instance), host, port) as found:
        typer.echo(f"Metrics: http://{host}:{found}/metrics", err=True)
        with suppress(KeyboardInterrupt):  # how it ends
            wait_for_ever()

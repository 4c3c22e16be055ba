"""`reco metrics`: what Prometheus is told of runs, drift, batches and models."""

from contextlib import suppress
from functools import partial
from typing import Annotated

import typer


def metrics(
    host: Annotated[str, typer.Option(help="The address to listen on; it has no login.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0: any that is free.")] = 9400,
) -> None:
    """Serve figures of runs, drift, batches and models at /metrics, for Prometheus, until Ctrl-C or SIGTERM.

    All of them are read when Prometheus asks, from the lakehouse and from DAGSTER_HOME. What can't be read is told on
    standard error, once for each cause.
    """
    from reco_assets.monitoring.causes import Causes
    from reco_assets.monitoring.exporter import serving, wait_for_ever
    from reco_assets.monitoring.figures import all_figures
    from resources.dagster_home import open_instance
    from resources.settings import load_settings
    from resources.text.json_lines import json_console

    settings = load_settings()
    in_json = settings.logs.format == "json"
    causes = Causes(json_console("reco", "INFO").info if in_json else partial(typer.echo, err=True))
    with open_instance() as instance, serving(lambda: all_figures(settings, instance, causes), host, port) as found:
        typer.echo(f"Metrics: http://{host}:{found}/metrics", err=True)
        with suppress(KeyboardInterrupt):  # how it ends
            wait_for_ever()

"""`reco`: the command line of the platform. Errors a person can act on are one line, without a traceback."""

from collections.abc import Sequence
from typing import Annotated

import typer

from reco_assets.cli import (
    airflow,
    alerts,
    costs,
    data,
    demo,
    doctor,
    drift,
    events,
    experiment,
    features,
    history,
    metrics,
    models,
    open,
    pipeline,
    rules,
    run,
    serving,
    status,
    stream,
    user,
)
from reco_assets.cli.outermost import run_guarded

HELP = "From MovieLens files to recommendations. Settings come from the environment: see docs/settings.md."

app = typer.Typer(
    name="reco",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _say_version(asked: bool) -> None:
    if asked:
        from reco_assets.version import code_version

        typer.echo(f"reco-assets {code_version()}")
        raise typer.Exit


@app.callback(help=HELP)
def _first_line(
    context: typer.Context,
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which code this is, and end.")
    ] = False,
) -> None:
    if "--help" in context.args:
        return
    from reco_assets.runner.first_line import first_line
    from resources.settings import load_settings
    from resources.text.json_lines import json_console

    settings = load_settings()
    if settings.logs.format == "json":
        json_console("reco", "INFO").info(first_line(settings))
    else:
        typer.echo(first_line(settings), err=True)


app.command()(demo.demo)
app.command()(status.status)
app.command()(doctor.doctor)
app.command()(history.history)
app.command("open")(open.open_page)
app.command()(costs.costs)
app.command()(run.run)
app.command()(pipeline.etl)
app.command()(pipeline.futures)
app.command()(pipeline.train)
app.command()(pipeline.evaluate)
app.command()(pipeline.validate)
app.command()(serving.recommend)
app.command()(serving.similar)
app.command()(serving.serve)
app.command()(metrics.metrics)
app.add_typer(stream.app, name="stream")
app.add_typer(drift.app, name="drift")
app.add_typer(events.app, name="events")
app.add_typer(features.app, name="features")
app.add_typer(models.app, name="model")
app.add_typer(experiment.app, name="experiment")
app.add_typer(rules.app, name="rules")
app.add_typer(user.app, name="user")
app.add_typer(data.app, name="data")
app.add_typer(alerts.app, name="alerts")
app.add_typer(airflow.app, name="airflow")


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of `reco`; `arguments` default to the command line's."""
    run_guarded(lambda: app(args=arguments))

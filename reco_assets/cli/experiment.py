"""`reco experiment`: a share of users gets the challenger's lists, and their ratings say who is to serve."""

import gc
from typing import Annotated

import typer

from reco_assets.cli.options import JsonOption, YesOption, asked_for, confirm

app = typer.Typer(help="A share of users gets a challenger's lists: start, look at, stop.", no_args_is_help=True)


@app.command()
def start(
    version: Annotated[
        str | None,
        typer.Argument(help="A version that reco model list shows.", show_default="the newest that passed the gate"),
    ] = None,
    *,
    share: Annotated[
        float | None, typer.Option(help="Of users, from 0.01 to 0.99.", show_default="EXPERIMENT_SHARE")
    ] = None,
    days: Annotated[int | None, typer.Option(help="How long at most.", show_default="EXPERIMENT_DAYS")] = None,
    json: JsonOption = False,
) -> None:
    """Let a share of users get a version's lists, and publish them. One experiment runs at a time."""
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import say
    from reco_assets.models.versions.experiments import described
    from reco_assets.runner.experiment import experiment_status, start_experiment
    from resources.settings import load_settings

    gc.disable()  # as in reco model promote
    settings = load_settings(**asked_for(experiment_share=share, experiment_days=days))
    started = f"{described(start_experiment(settings, version, run_with_progress))} runs."
    if json:
        say(experiment_status(settings))
    else:
        typer.echo(started)


@app.command()
def status(*, json: JsonOption = False) -> None:
    """Show the experiment that runs, or ran last: who is compared, what users did, and what the next look would do."""
    from reco_assets.cli.summary import say
    from reco_assets.runner.experiment import experiment_status
    from resources.settings import load_settings

    found = experiment_status(load_settings())
    if json:
        say(found)
    else:
        typer.echo(found["text"])


@app.command()
def stop(
    *,
    promote: Annotated[bool, typer.Option("--promote", help="The challenger serves everyone from now on.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="The champion serves everyone again.")] = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """End the experiment that runs before its verdict, and publish everyone's lists."""
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import say
    from reco_assets.runner.experiment import experiment_status, stop_experiment
    from resources.settings import load_settings

    if promote == keep:
        raise typer.BadParameter("give one of --promote and --keep")
    gc.disable()  # as in reco model promote
    confirm(
        f"End the experiment, and let the {'challenger' if promote else 'champion'} serve?",
        yes=yes,
        undone_by="reco model rollback" if promote else "reco experiment start",
    )
    settings = load_settings()
    ended = stop_experiment(settings, "promote" if promote else "keep", run_with_progress)
    if json:
        say(experiment_status(settings))
    else:
        typer.echo(ended)

"""`reco model`: which versions there are, and which of them serves."""

import gc
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from reco_assets.models.record import MetricsRecord

app = typer.Typer(help="Model versions: list them, promote one, roll back, reproduce.", no_args_is_help=True)


@app.command("list")
def list_versions() -> None:
    """Show every version with its figures, what was decided on it, and which one serves."""
    from rich.table import Table

    from reco_assets.cli.summary import add_row, console
    from reco_assets.models.serving import serving_store
    from resources.settings import load_settings

    store = serving_store(load_settings())
    table = Table("version", "role", "warm RMSE", "on streamed", "NDCG", title=f"Models in {store.folder}")
    champion, previous = store.served()
    roles = {previous: "previous", champion: "champion"}
    versions = {version: store.record(version) for version in store.versions()}
    for version, record in versions.items():
        add_row(table, version, roles.get(version, ""), *_figures(record.metrics))
    shown = console(soft_wrap=True)
    shown.print(table)
    for version, record in versions.items():
        shown.print(f"{version} {record.decision or 'was not judged'}")
    store.champion()  # a record that is damaged or gone is said, after what there is to choose from


@app.command()
def promote(version: Annotated[str, typer.Argument(help="A version that reco model list shows.")]) -> None:
    """Make a version the champion, whatever its figures, and let gold follow it.

    Files of it that are missing or damaged are brought back where the backup has them.
    """
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.runner.champion import promote as serve
    from resources.settings import load_settings

    gc.disable()  # collecting while so much is imported takes 0.7 s of 5, and the process ends soon
    serve(load_settings(), version, run_with_progress, typer.echo)


@app.command()
def rollback() -> None:
    """Let champion and predecessor change places, and gold follow; a second time goes back.

    Files that are missing or damaged are brought back from the backup; where the record of the champion is lost, the
    champion of the backup serves.
    """
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.runner.champion import roll_back
    from resources.settings import load_settings

    gc.disable()  # as in promote
    roll_back(load_settings(), run_with_progress, typer.echo)


@app.command()
def reproduce(version: Annotated[str, typer.Argument(help="A version that reco model list shows.")]) -> None:
    """Train a version again from the Delta versions and settings it recorded, and compare the figures of both.

    Nothing is written. Exits with 1 when a figure differs by more than 0.001.
    """
    from rich.table import Table

    from reco_assets.cli.summary import add_row, console, number
    from reco_assets.models.families import SERVING_FAMILY
    from reco_assets.models.reproduction import TOLERANCE, recipe_of, reproduce_version
    from reco_assets.models.serving import serving_store
    from resources.settings import load_settings
    from resources.tables.lakehouse import Lakehouse

    settings = load_settings()
    recipe = recipe_of(serving_store(settings).record(version))
    settings = load_settings(reco_engine=recipe.engine)
    for line in recipe.describe():
        typer.echo(line, err=True)
    figures = reproduce_version(Lakehouse.open(settings), SERVING_FAMILY, recipe)
    table = Table("", "recorded", "now", "difference", title=f"Model {version}", title_justify="left")
    for figure in figures:
        add_row(table, figure.name, *(number(value, 6) for value in (figure.recorded, figure.now, figure.difference)))
    console(soft_wrap=True).print(table)
    if other := [figure.name for figure in figures if not figure.same]:
        typer.echo(f"{version} is not reproduced: {', '.join(other)} differs by more than {TOLERANCE:g}.")
        raise typer.Exit(1)
    typer.echo(f"{version} is reproduced: no figure differs by more than {TOLERANCE:g}.")


def _figures(metrics: "MetricsRecord | None") -> list[str]:
    from reco_assets.cli.summary import number

    if metrics is None:
        return ["", "", ""]
    streamed = metrics.by_origin.get("stream")
    found = metrics.evaluation.rmse, streamed.rmse if streamed else None, metrics.ranking.ndcg
    return [number(value, missing="") for value in found]

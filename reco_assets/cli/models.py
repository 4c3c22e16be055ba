"""`reco model`: which versions there are, and which of them serves."""

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reco_assets.cli.options import ModelOption, named_family, said_of

if TYPE_CHECKING:
    from reco_assets.models.record import MetricsRecord

COLUMNS = ("warm RMSE", "on streamed", "NDCG")
SAMPLED_COLUMNS = ("AUC, sampled", "NDCG@10, sampled", "hit rate@10, sampled", "NDCG, full")

app = typer.Typer(help="Model versions: list them, promote one, roll back, reproduce.", no_args_is_help=True)


@app.command("list")
def list_versions(model: ModelOption = None) -> None:
    """Show every version with its figures, what was decided on it, and which one serves."""
    from rich.table import Table

    from reco_assets.cli.summary import add_row, console
    from reco_assets.models.versions.store import model_store
    from resources.settings import load_settings

    family = named_family(model)
    store = model_store(load_settings(), family)
    columns = SAMPLED_COLUMNS if family.own else COLUMNS
    table = Table("version", "role", *columns, title=f"Models in {store.folder}")
    champion, previous = store.served()
    roles = {previous: "previous", champion: "champion"}
    versions = {version: store.record(version) for version in store.versions()}
    for version, record in versions.items():
        add_row(table, version, roles.get(version, ""), *_figures(record.metrics, len(columns)))
    shown = console(soft_wrap=True)
    shown.print(table)
    for version, record in versions.items():
        shown.print(f"{version} {record.decision or 'was not judged'}")
    with said_of(family):
        store.champion()  # a record that is damaged or gone is said, after what there is to choose from


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="A version that reco model list shows.")], model: ModelOption = None
) -> None:
    """Make a version the champion, whatever its figures, and let gold follow it.

    Files of it that are missing or damaged are brought back where the backup has them.
    """
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.runner.champion import promote as serve
    from resources.settings import load_settings

    gc.disable()  # collecting while so much is imported takes 0.7 s of 5, and the process ends soon
    with said_of(named_family(model)) as family:
        serve(load_settings(), version, run_with_progress, typer.echo, family)


@app.command()
def rollback(model: ModelOption = None) -> None:
    """Let champion and predecessor change places, and gold follow; a second time goes back.

    Files that are missing or damaged are brought back from the backup; where the record of the champion is lost, the
    champion of the backup serves.
    """
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.runner.champion import roll_back
    from resources.settings import load_settings

    gc.disable()  # as in promote
    with said_of(named_family(model)) as family:
        roll_back(load_settings(), run_with_progress, typer.echo, family)


@app.command()
def reproduce(
    version: Annotated[str, typer.Argument(help="A version that reco model list shows.")], model: ModelOption = None
) -> None:
    """Train a version again from the Delta versions and settings it recorded, and compare the figures of both.

    Nothing is written. Exits with 1 when a figure differs by more than 0.001.
    """
    from rich.table import Table

    from reco_assets.cli.summary import add_row, console, number
    from reco_assets.models.own_reproduction import reproduce_own
    from reco_assets.models.reproduction import TOLERANCE, recipe_of, reproduce_version
    from reco_assets.models.versions.store import model_store
    from resources.settings import load_settings
    from resources.tables.lakehouse import Lakehouse

    settings, family = load_settings(), named_family(model)
    with said_of(family):
        record = model_store(settings, family).record(version)
    if family.own:
        figures = reproduce_own(Lakehouse.open(settings), family, family.own, record)
    else:
        recipe = recipe_of(record)
        for line in recipe.describe():
            typer.echo(line, err=True)
        figures = reproduce_version(Lakehouse.open(load_settings(reco_engine=recipe.engine)), family, recipe)
    table = Table("", "recorded", "now", "difference", title=f"Model {version}", title_justify="left")
    for figure in figures:
        add_row(table, figure.name, *(number(value, 6) for value in (figure.recorded, figure.now, figure.difference)))
    console(soft_wrap=True).print(table)
    if other := [figure.name for figure in figures if not figure.same]:
        typer.echo(f"{version} is not reproduced: {', '.join(other)} differs by more than {TOLERANCE:g}.")
        raise typer.Exit(1)
    typer.echo(f"{version} is reproduced: no figure differs by more than {TOLERANCE:g}.")


@app.command("evaluate-files")
def evaluate_files(
    folder: Annotated[Path, typer.Argument(help="Holds *train.rating, *test.rating and *test.negative.")],
    model: ModelOption = None,
) -> None:
    """Train on the files of the NCF paper (He et al. 2017) and judge on them, beside popularity and implicit ALS.

    Nothing is written.
    """
    from reco_assets.cli.summary import say
    from reco_assets.given_files.paper_files import evaluate_paper_files
    from resources.settings import load_settings

    say(evaluate_paper_files(load_settings(), named_family(model), folder))


def _figures(metrics: "MetricsRecord | None", columns: int) -> list[str]:
    from reco_assets.cli.summary import number

    if metrics is None:
        return [""] * columns
    streamed = metrics.by_origin.get("stream")
    found = [metrics.evaluation.rmse, streamed.rmse if streamed else None, metrics.ranking.ndcg]
    if metrics.sampled:
        scores = metrics.sampled.models["candidate"]
        found = [scores.auc, scores.ndcg, scores.hit_rate, metrics.ranking.ndcg]
    return [number(value, missing="") for value in found]

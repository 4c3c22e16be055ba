"""`reco model`: which versions there are, and which of them serves."""

from pathlib import Path
from typing import Annotated

import typer

from reco_assets.cli.backtest import backtest
from reco_assets.cli.champion import promote, rollback
from reco_assets.cli.options import JsonAnywayOption, JsonOption, ModelOption, named_family, said_of

app = typer.Typer(
    help="Model versions: list them, promote one, roll back, reproduce, judge forward in time.", no_args_is_help=True
)
app.command()(backtest)
app.command()(promote)
app.command()(rollback)


@app.command("list")
def list_versions(*, model: ModelOption = None, json: JsonOption = False) -> None:
    """Show each version: its figures, how it differed from the champion, what was decided, and whether it serves."""
    from reco_assets.cli.summary import console, say
    from reco_assets.cli.versions import INCOMPARABLE, difference_table, judged_on, version_table, withdrawn_lines
    from reco_assets.models.versions.store import model_store
    from reco_assets.models.versions.withdrawn import on_withdrawn
    from resources.settings import load_settings
    from resources.tables.lakehouse import Lakehouse

    family = named_family(model)
    settings = load_settings()
    store = model_store(settings, family)
    champion, previous = store.served()
    records = [store.record(version) for version in store.versions()]
    roles = {previous: "previous", champion: "champion"}
    if json:
        learned = {name: vars(of) for name, of in on_withdrawn(Lakehouse.open(settings), family).items()}
        found = [
            {
                **record.document(),
                "role": roles.get(record.version),
                "withdrawn_batches": learned.get(record.version, {}),
            }
            for record in records
        ]
        say({"family": family.name, "folder": str(store.folder), "versions": found})
        return
    shown = console(soft_wrap=True)
    shown.print(version_table(f"Models in {store.folder}", family, records, roles))
    differences = difference_table(records)
    if len({judged_on(family, record.metrics) for record in records if record.metrics}) > 1:
        shown.print(f"{INCOMPARABLE}{'; the differences below can.' if differences.row_count else '.'}")
    if differences.row_count:
        shown.print(differences)
    for record in records:
        shown.print(f"{record.version} {record.decision or 'was not judged'}")
    for line in withdrawn_lines(Lakehouse.open(settings), family):
        shown.print(line)
    with said_of(family):
        store.champion()  # a record that is damaged or gone is said, after what there is to choose from


@app.command()
def reproduce(
    version: Annotated[str, typer.Argument(help="A version that reco model list shows.")],
    *,
    model: ModelOption = None,
    json: JsonOption = False,
) -> None:
    """Train a version again from the Delta versions and settings it recorded, and compare the figures of both.

    Nothing is written. Exits with 1 when a figure differs by more than 0.001.
    """
    from rich.table import Table

    from reco_assets.cli.summary import add_row, console, number, say
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
    other = [figure.name for figure in figures if not figure.same]
    if json:
        shown = ("name", "recorded", "now", "difference", "same")
        say(
            {
                "version": version,
                "reproduced": not other,
                "tolerance": TOLERANCE,
                "figures": [{name: getattr(figure, name) for name in shown} for figure in figures],
            }
        )
        raise typer.Exit(1 if other else 0)
    table = Table("", "recorded", "now", "difference", title=f"Model {version}", title_justify="left")
    for figure in figures:
        add_row(table, figure.name, *(number(value, 6) for value in (figure.recorded, figure.now, figure.difference)))
    console(soft_wrap=True).print(table)
    if other:
        typer.echo(f"{version} is not reproduced: {', '.join(other)} differs by more than {TOLERANCE:g}.")
        raise typer.Exit(1)
    typer.echo(f"{version} is reproduced: no figure differs by more than {TOLERANCE:g}.")


@app.command("evaluate-files")
def evaluate_files(
    folder: Annotated[Path, typer.Argument(help="Holds *train.rating, *test.rating and *test.negative.")],
    model: ModelOption = None,
    _json: JsonAnywayOption = False,
) -> None:
    """Train on the files of the NCF paper (He et al. 2017) and judge on them, beside popularity and implicit ALS.

    Nothing is written.
    """
    from reco_assets.cli.summary import say
    from reco_assets.given_files.paper_files import evaluate_paper_files
    from resources.settings import load_settings

    say(evaluate_paper_files(load_settings(), named_family(model), folder))

"""`reco features`: the feature store: compute it, list what it holds, show what was known of somebody at a moment."""

from datetime import datetime
from typing import Annotated

import typer

from reco_assets.cli.options import JsonOption

app = typer.Typer(help="The feature store: compute it, list it, look into it.", no_args_is_help=True)

Version = Annotated[int | None, typer.Option(min=1, help="One of the versions kept.", show_default="the newest")]


@app.command()
def compute(*, json: JsonOption = False) -> None:
    """Compute a new version from the ratings, movies and events of the lakehouse; readers get it once it is sound."""
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import say
    from reco_assets.features.run import STORE
    from resources.settings import load_settings

    made = run_with_progress(load_settings(), [STORE], "features").metadata[STORE]
    if json:
        say(made)
        return
    rows = ", ".join(f"{value:,} {name.removeprefix('rows: ')}" for name, value in made.items() if "rows: " in name)
    typer.echo(f"Version {made['version']} of {made['path']}, as of {made['as_of']}: {rows}")


@app.command("list")
def list_features(*, json: JsonOption = False) -> None:
    """Show every feature, what it means and its rule, and the versions kept; with --json also type and owner."""
    from dataclasses import asdict

    from reco_assets.cli.summary import add_row, console, lines_table, say
    from reco_assets.features.declarations import FEATURES
    from reco_assets.features.store import store_path, versions_in
    from resources.settings import load_settings

    path = store_path(load_settings())
    if json:
        say({"store": str(path), "versions": versions_in(path), "features": list(map(asdict, FEATURES))})
        return
    table = lines_table("feature", "what it is", "rule")
    for feature in FEATURES:
        add_row(table, feature.name, feature.description, feature.check)
    shown = console()
    shown.print(table)
    shown.print(f"{path}: version {', '.join(map(str, versions_in(path))) or 'none yet: reco features compute'}")


@app.command()
def show(
    user: Annotated[int | None, typer.Option(help="The user's id.")] = None,
    movie: Annotated[int | None, typer.Option(help="The movie's id; with a user, also what is known of both.")] = None,
    at: Annotated[datetime | None, typer.Option(help="As of just before then, UTC.", show_default="now")] = None,
    version: Version = None,
    *,
    json: JsonOption = False,
) -> None:
    """Show the features of a user, a movie or both, as they were at a moment or as they are."""
    from rich.table import Table

    from reco_assets.cli.summary import add_row, console, say
    from reco_assets.features.shown import as_text, known_of
    from reco_assets.features.store import FeatureStore, store_path
    from resources.settings import load_settings

    if user is None and movie is None:
        raise typer.BadParameter("give --user, --movie or both")
    with FeatureStore.open(store_path(load_settings()), version) as store:
        found, known = (store.version, store.as_of), known_of(store, user, movie, at)
    if json:
        say({"version": found[0], "as_of": str(found[1]), "features": known})
        return
    table = Table("feature", "value", title=f"Version {found[0]}, of events until {found[1]}")
    for name, value in known.items():
        add_row(table, name, as_text(value))
    console().print(table)

"""`reco model`: which versions there are, and which of them serves."""

import gc
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from reco_assets.models.versions.store import ModelStore
    from resources.settings import Settings

app = typer.Typer(help="Model versions: list them, promote one, roll back, reproduce.", no_args_is_help=True)


@app.command("list")
def list_versions() -> None:
    """Show every version with its figures, what was decided on it, and which one serves."""
    from rich.table import Table

    from reco_assets.cli.terminal import add_row, console
    from reco_assets.models.versions.store import model_store
    from resources.settings import load_settings

    store = model_store(load_settings())
    table = Table("version", "role", "warm RMSE", "on streamed", "NDCG", title=f"Models in {store.folder}")
    champion, previous = store.served()
    roles = {previous: "previous", champion: "champion"}
    versions = {version: store.facts(version) for version in store.versions()}
    for version, facts in versions.items():
        add_row(table, version, roles.get(version, ""), *_figures(facts.get("metrics")))
    shown = console(soft_wrap=True)
    shown.print(table)
    for version, facts in versions.items():
        shown.print(f"{version} {facts.get('decision', 'was not judged')}")
    store.champion()  # a record that is damaged or gone is said, after what there is to choose from


@app.command()
def promote(version: Annotated[str, typer.Argument(help="A version that reco model list shows.")]) -> None:
    """Make a version the champion, whatever its figures, and let gold follow it.

    Files of it that are missing or damaged are brought back where the backup has them.
    """
    from reco_assets.models.versions.backup import promote as promote_version
    from reco_assets.models.versions.store import model_store
    from resources.settings import load_settings

    settings = load_settings()
    promote_version(settings, version)
    _follow(settings, model_store(settings), version)


@app.command()
def rollback() -> None:
    """Let champion and predecessor change places, and gold follow; a second time goes back.

    Files that are missing or damaged are brought back from the backup; where the record of the champion is lost, the
    champion of the backup serves.
    """
    from reco_assets.models.versions.backup import roll_back
    from reco_assets.models.versions.store import model_store
    from resources.settings import load_settings

    settings = load_settings()
    _follow(settings, model_store(settings), roll_back(settings))


@app.command()
def reproduce(version: Annotated[str, typer.Argument(help="A version that reco model list shows.")]) -> None:
    """Train a version again from the Delta versions and settings it recorded, and compare the figures of both.

    Nothing is written. Exits with 1 when a figure differs by more than 0.001.
    """
    from rich.table import Table

    from reco_assets.cli.terminal import add_row, console
    from reco_assets.models.reproduction import TOLERANCE, recipe_of, reproduce_version
    from reco_assets.models.versions.store import model_store
    from resources.engine import Engine
    from resources.settings import load_settings
    from resources.tables.lakehouse import Lakehouse

    settings = load_settings()
    recipe = recipe_of(model_store(settings).facts(version))
    settings = load_settings(reco_engine=recipe.engine)
    for line in recipe.describe():
        typer.echo(line, err=True)
    figures = reproduce_version(Lakehouse(settings, Engine(settings)), recipe)
    table = Table("", "recorded", "now", "difference", title=f"Model {version}", title_justify="left")
    for figure in figures:
        add_row(table, figure.name, *(_or_none(value) for value in (figure.recorded, figure.now, figure.difference)))
    console(soft_wrap=True).print(table)
    if other := [figure.name for figure in figures if not figure.same]:
        typer.echo(f"{version} is not reproduced: {', '.join(other)} differs by more than {TOLERANCE:g}.")
        raise typer.Exit(1)
    typer.echo(f"{version} is reproduced: no figure differs by more than {TOLERANCE:g}.")


def _follow(settings: "Settings", store: "ModelStore", version: str) -> None:
    """Let MLflow's aliases and gold follow the new champion. The champion serves even where either fails."""
    from threading import Thread

    from resources.mlflow.mirror import MlflowTracking

    gc.disable()  # collecting while so much is imported takes 0.7 s of 5, and the process ends soon
    typer.echo(f"Champion: {version}, before it: {store.previous() or 'none'}.")
    # Beside the rest: the process that it starts imports MLflow, as long as everything else that a rollback does.
    mirror = Thread(
        target=MlflowTracking(settings, settings.mlflow.registry_name).mark_champion, args=(version, store.previous())
    )
    mirror.start()
    try:
        _refresh_gold(settings, version)
    finally:
        mirror.join()


def _refresh_gold(settings: "Settings", version: str) -> None:
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.pipelines.selections import SERVING
    from reco_assets.runner.run import RunFailedError

    try:
        run_with_progress(settings, SERVING, "gold")
    except RunFailedError as error:
        raise RunFailedError(
            f"{version} is the champion, but gold still holds the lists of the one before ({error}). "
            f"Once that is mended: dg launch --assets '{' or '.join(f'key:{key}' for key in SERVING)}'"
        ) from None


def _or_none(value: float | None) -> str:
    return "none" if value is None else f"{value:.6f}"


def _figures(metrics: dict[str, Any] | None) -> tuple[str, str, str]:
    if metrics is None:
        return "", "", ""
    streamed = metrics.get("by_origin", {}).get("stream", {})
    found = metrics["evaluation"]["rmse"], streamed.get("rmse"), metrics["ranking"]["ndcg"]
    return tuple("" if value is None else f"{value:.4f}" for value in found)  # type: ignore[return-value]

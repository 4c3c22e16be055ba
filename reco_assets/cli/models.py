"""`reco model`: which versions there are, and which of them serves."""

import gc
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from reco_assets.models.store import ModelStore
    from resources.settings import Settings

app = typer.Typer(help="Model versions: list them, promote one, roll back.", no_args_is_help=True)


@app.command("list")
def list_versions() -> None:
    """Show every version with its figures, what was decided on it, and which one serves."""
    from rich.console import Console
    from rich.table import Table

    from reco_assets.models.store import model_store
    from resources.settings import load_settings

    store = model_store(load_settings())
    table = Table("version", "role", "warm RMSE", "on streamed", "NDCG", title=f"Models in {store.folder}")
    roles = {store.previous(): "previous", store.champion(): "champion"}
    versions = {version: store.facts(version) for version in store.versions()}
    for version, facts in versions.items():
        table.add_row(version, roles.get(version, ""), *_figures(facts.get("metrics")))
    console = Console(soft_wrap=True)
    console.print(table)
    for version, facts in versions.items():
        console.print(f"{version} {facts.get('decision', 'was not judged')}", highlight=False)


@app.command()
def promote(version: Annotated[str, typer.Argument(help="A version that reco model list shows.")]) -> None:
    """Make a version the champion, whatever its figures, and let gold follow it."""
    from reco_assets.models.store import model_store
    from resources.settings import load_settings

    settings = load_settings()
    store = model_store(settings)
    store.promote(version, "promoted by hand")
    _follow(settings, store, version)


@app.command()
def rollback() -> None:
    """Let champion and predecessor change places, and gold follow; a second time goes back."""
    from reco_assets.models.store import model_store
    from resources.settings import load_settings

    settings = load_settings()
    store = model_store(settings)
    _follow(settings, store, store.rollback())


def _follow(settings: "Settings", store: "ModelStore", version: str) -> None:
    """Let MLflow's aliases and gold follow the new champion. The champion serves even where either fails."""
    from multiprocessing import get_context

    from resources.mlflow import MlflowTracking

    gc.disable()  # collecting while so much is imported takes 0.7 s of 5, and the process ends soon
    typer.echo(f"Champion: {version}, before it: {store.previous() or 'none'}.")
    # In a process beside: importing MLflow takes as long as everything else that a rollback does.
    mirror = get_context("fork").Process(
        target=MlflowTracking(settings).mark_champion, args=(version, store.previous())
    )
    mirror.start()
    try:
        _refresh_gold(settings, version)
    finally:
        mirror.join()


def _refresh_gold(settings: "Settings", version: str) -> None:
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.jobs import SERVING
    from reco_assets.running import RunFailedError

    try:
        run_with_progress(settings, SERVING, "gold")
    except RunFailedError as error:
        raise RunFailedError(
            f"{version} is the champion, but gold still holds the lists of the one before ({error}). "
            f"Once that is mended: dg launch --assets '{' or '.join(f'key:{key}' for key in SERVING)}'"
        ) from None


def _figures(metrics: dict[str, Any] | None) -> tuple[str, str, str]:
    if metrics is None:
        return "", "", ""
    streamed = metrics.get("by_origin", {}).get("stream", {})
    found = metrics["evaluation"]["rmse"], streamed.get("rmse"), metrics["ranking"]["ndcg"]
    return tuple("" if value is None else f"{value:.4f}" for value in found)  # type: ignore[return-value]

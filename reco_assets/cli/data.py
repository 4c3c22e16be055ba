"""`reco data`: raw data from outside."""

from enum import StrEnum
from typing import Annotated

import typer

from reco_assets.cli.options import JsonOption

app = typer.Typer(help="Get raw data.", no_args_is_help=True)


class Release(StrEnum):
    """The MovieLens releases that can be fetched."""

    SMALL = "ml-latest-small"
    LARGE = "ml-25m"


@app.callback()
def _group() -> None:
    """Get raw data."""


@app.command()
def fetch(
    release: Annotated[Release, typer.Argument(help="Which MovieLens release.")], *, json: JsonOption = False
) -> None:
    """Download a MovieLens release into the lakehouse, check it and unpack it, where `reco etl` finds it."""
    from reco_assets.cli.summary import say
    from reco_assets.sources.choose import in_words, raw_folder
    from reco_assets.sources.fetch import fetch as fetch_release
    from resources.settings import load_settings

    settings = load_settings()
    folder = fetch_release(release.value, raw_folder(settings))
    if json:
        say({"release": release.value, "folder": str(folder)})
    else:
        typer.echo(f"{folder}")
    if str(folder) not in (source := in_words(settings)):
        typer.echo(f"The next run reads {source}. To load this release instead: reco etl --replace-source", err=True)

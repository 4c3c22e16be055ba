"""`reco open`: the page that shows it, in the browser."""

from enum import StrEnum
from typing import Annotated

import typer


class Page(StrEnum):
    """What can be opened."""

    DAGIT = "dagit"
    MLFLOW = "mlflow"
    REPORT = "report"
    REPORTS = "reports"
    QUALITY = "quality"


def open_page(
    page: Annotated[
        Page, typer.Argument(help="Dagit, MLflow, the newest drift report, all of them, or the quality of the tables.")
    ] = Page.DAGIT,
    *,
    link: Annotated[bool, typer.Option("--link", help="Say where it is, and open nothing.")] = False,
) -> None:
    """Open a page in the browser, and say where it is."""
    from reco_assets.monitoring.pages import PAGES
    from resources.settings import load_settings

    address = PAGES[page](load_settings())
    typer.echo(address)
    if not link:
        typer.launch(address)

"""`reco model backtest`: how models do forward in time."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reco_assets.cli.options import JsonOption

if TYPE_CHECKING:
    from rich.table import Table

WINDOWS = 4


def backtest(
    windows: Annotated[int, typer.Option(min=1, max=100, help="How many windows, of equally many ratings.")] = WINDOWS,
    streamed: Annotated[
        bool, typer.Option("--streamed", help="Judge on the newer half of what streamed in, retrained or not.")
    ] = False,
    *,
    json: JsonOption = False,
) -> None:
    """Train up to a moment and judge on what was rated next, for each of some windows of all ratings.

    RMSE and that of bias-only are of warm pairs. JSON and a plot lie beside the run metrics. The models are those that
    the settings describe, trained once for each window; no version is made.
    """
    from reco_assets.cli.summary import console, say
    from reco_assets.models.families import SERVING_FAMILY
    from reco_assets.models.judging.backtest_run import backtest as judge
    from resources.settings import load_settings
    from resources.tables.lakehouse import Lakehouse

    def report(step: Mapping[str, Any]) -> None:
        typer.echo(f"backtest: {step['name']}", err=True)

    found = judge(Lakehouse.open(load_settings()), SERVING_FAMILY, None if streamed else windows, report)
    if json:
        say({**found.document, "json": str(found.json), "plot": str(found.plot)})
        return
    shown = console(soft_wrap=True)
    shown.print(_table(found.document))
    shown.print(found.document["protocol"])
    shown.print(f"{found.json}\n{found.plot}")


def _table(document: Mapping[str, Any]) -> "Table":
    from reco_assets.cli.summary import add_row, lines_table, number

    k = document["steps"][0]["ranking"]["k"]
    columns = ("after", "users", "warm", "RMSE", "bias only", "all pairs", f"NDCG@{k}", "popularity")
    table = lines_table(*columns, title=f"Backtest of {document['model']}", whole=range(len(columns)))
    for column in table.columns:
        column.justify = "right"
    every = [{"name": "all", **document["together"]}] if "together" in document else []
    for step in (*document["steps"], *every):
        stars, lists, beside = step["evaluation"], step["ranking"], step["baselines"]
        warm = "" if stars["coverage"] is None else f"{stars['coverage']:.1%}"
        errors = stars["rmse"], beside["bias_only"]["rmse"], stars["rmse_all"]
        shown = (number(figure, missing="") for figure in (*errors, lists["ndcg"], beside["popularity"]["ndcg"]))
        add_row(table, step["name"], f"{lists['users']:,}", warm, *shown)
    return table

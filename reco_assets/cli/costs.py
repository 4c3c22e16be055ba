"""`reco costs`: what a model, a batch, a table cost."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from reco_assets.cli.options import JsonOption

SHOWN = 10
MEGA = 1e6
SECTIONS = ("models", "batches", "tables", "days", "stages", "writes")
LEFT = ("model", "batch", "table", "day", "began", "stage")


def costs(
    model: Annotated[str | None, typer.Option(metavar="VERSION", help="Show the stages of a model version.")] = None,
    batch: Annotated[str | None, typer.Option(metavar="ID", help="Show a batch's shares; ID may be cut.")] = None,
    table: Annotated[str | None, typer.Option(metavar="NAME", help="Show every write of a table.")] = None,
    *,
    since: Annotated[int, typer.Option(min=1, metavar="DAYS", help="How many days back.")] = 30,
    json: JsonOption = False,
) -> None:
    """Show what models, batches, tables and days cost; the newest first. MiB is the peak of memory, times are UTC.

    Each run that Dagster makes notes its stages in the table ops/runs. Batches that went through a stage together share
    it evenly. COST_PER_CPU_HOUR adds what it costs in money.
    """
    from datetime import UTC, datetime, timedelta

    from reco_assets.cli.summary import console, say
    from reco_assets.ops.costs import batch_costs, model_costs, overview, table_costs
    from reco_assets.ops.store import stages_since
    from resources.settings import load_settings
    from resources.tables.lakehouse import Lakehouse

    if len([each for each in (model, batch, table) if each is not None]) > 1:
        raise typer.BadParameter("--model, --batch and --table ask different things: give one of them")
    settings = load_settings()
    lakehouse, price = Lakehouse.open(settings), settings.costs.per_cpu_hour
    lakehouse.require_delta("What runs took")
    stages = stages_since(lakehouse, datetime.now(UTC) - timedelta(days=since))
    asked = {model: model_costs, batch: batch_costs, table: table_costs}
    about = model or batch or table
    found = asked[about](stages, about, price) if about else overview(stages, price)
    if json:
        say({"since_days": since, **found})
        return
    total = found["total"]
    runs = f", runs: {total['runs']:,}" if "runs" in total else ""
    console().print(f"Last {since} days: {_in_words(total)} (stages: {total['stages']:,}{runs}).")
    if not total["stages"]:
        console().print("No run is noted yet: reco train makes one.")
        return
    for name in SECTIONS:
        if name in found:
            _print_section(name, found[name])


def _in_words(total: Mapping[str, Any]) -> str:
    money = f", cost {total['cost']:.2g}" if "cost" in total else ""
    return f"{total['wall_seconds']:,.1f} s, {total['cpu_seconds']:,.1f} CPU s{money}"


def _print_section(name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    from rich.table import Table

    from reco_assets.cli.summary import add_row, console

    rows = list(rows)
    shown = [_cells(row) for row in rows[:SHOWN]]
    if not shown:
        return
    title = name if len(rows) <= SHOWN else f"{name}: the newest {SHOWN} of {len(rows):,} (--json has all)"
    listed = Table(title=title, title_justify="left")
    for column in shown[0]:
        listed.add_column(column, justify="left" if column in LEFT else "right", overflow="fold")
    for cells in shown:
        add_row(listed, *cells.values())
    console().print(listed)


def _cells(row: Mapping[str, Any]) -> dict[str, str]:
    """A row as it is shown in 80 columns."""
    cells: dict[str, str] = {}
    for name in ("model", "batch", "table", "day"):
        if name in row:
            cells[name] = "(none)" if row[name] is None else str(row[name])[: 12 if name == "batch" else None]
    if "started" in row:
        failed = "" if row["outcome"] == "succeeded" else f" ({row['outcome']})"
        cells |= {"began": row["started"][5:16].replace("T", " "), "stage": f"{row['stage']}{failed}"}
    else:
        cells["stages"] = f"{row['stages']:,}"
    if "share" in row:
        cells["share"] = f"{row['share']:.3g}"
    cells["seconds"] = f"{row['wall_seconds']:,.2f}"
    if "rows" in row:
        cells |= {"rows": _number(row["rows"]), "MB": f"{row['bytes'] / MEGA:,.2f}", "rows/s": _rate(row)}
    else:
        cells |= {"CPU s": f"{row['cpu_seconds']:,.2f}", "MiB": f"{row['peak_memory_mib']:,.0f}"}
    return cells | ({"cost": f"{row['cost']:.2g}"} if "cost" in row else {})


def _number(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _rate(row: Mapping[str, Any]) -> str:
    seconds = row["wall_seconds"]
    return "" if row["rows"] is None or not seconds else f"{row['rows'] / seconds:,.0f}"

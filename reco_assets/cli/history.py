"""`reco history`: what happened to a table."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from reco_assets.cli.options import JsonOption

ROWS = ("added", "changed", "removed")
# The names of delta-rs, then those of Delta on Spark.
ADDED = ("num_added_rows", "num_target_rows_inserted", "numTargetRowsInserted", "numOutputRows")
CHANGED = ("num_updated_rows", "num_target_rows_updated", "numTargetRowsUpdated", "numUpdatedRows")
REMOVED = ("num_deleted_rows", "num_target_rows_deleted", "numTargetRowsDeleted", "numDeletedRows")


def history(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Such as silver/ratings.")],
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many of the newest versions.")] = 20,
    json: JsonOption = False,
) -> None:
    """Show the Delta versions of a table, the newest first: when, by which operation, and how many rows it wrote."""
    from rich.table import Table

    from reco_assets.cli.summary import add_row, console, say
    from resources.settings import load_settings
    from resources.tables.lakehouse import Lakehouse

    lakehouse = Lakehouse.open(load_settings())
    lakehouse.require_delta("The history of a table")
    found = lakehouse.delta_table(table)
    versions = [as_version(commit) for commit in found.history(limit)] if found else []
    if json:
        say({"table": table, "versions": versions})
        return
    shown = Table("version", "made, UTC", "operation", *ROWS, title=table, title_justify="left")
    for version in versions:
        counts = (f"{version[name]:,}" if version[name] is not None else "" for name in ROWS)
        add_row(shown, str(version["version"]), version["made"][:16].replace("T", " "), version["operation"], *counts)
    console().print(shown)


def as_version(commit: Mapping[str, Any]) -> Mapping[str, Any]:
    """A commit of Delta's log: its version, moment (UTC), operation, and rows as far as the log counts them."""
    metrics = commit.get("operationMetrics") or {}
    mode = (commit.get("operationParameters") or {}).get("mode")
    return {
        "version": commit["version"],
        "made": f"{datetime.fromtimestamp(commit['timestamp'] / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "operation": commit["operation"] + (f" ({mode.lower()})" if mode else ""),
        "added": _first_of(metrics, ADDED),
        "changed": _first_of(metrics, CHANGED),
        "removed": _first_of(metrics, REMOVED),
    }


def _first_of(metrics: Mapping[str, Any], names: Sequence[str]) -> int | None:
    return next((int(metrics[name]) for name in names if name in metrics), None)

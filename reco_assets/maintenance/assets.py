"""The maintenance asset: superseded models removed, then every Delta table compacted and vacuumed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from reco_assets.maintenance.exposures import remove_old_exposures
from reco_assets.maintenance.models import remove_superseded
from reco_assets.ops.store import forget_stages
from reco_assets.tables import HEAVY_POOL, MODELS, RATING_EVENTS
from resources.orchestrator.shown_tables import Cell, shown_table
from resources.tables.files import LakehouseError
from resources.tables.lakehouse import Lakehouse
from resources.tables.pins import pinned_versions
from resources.tables.upkeep import Upkeep, delta_tables, maintain_table

_COLUMNS = ("table", "files", "MB", "won, MB", "kept versions", "not readable before")


@dg.asset(key_prefix="maintenance", group_name="maintenance", kinds={"delta"}, pool=HEAVY_POOL)
def tables(context: dg.AssetExecutionContext, lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
    """Delta tables with few files and none that nobody needs.

    Every version that a kept model was trained or judged on stays readable.
    """
    settings, root = lakehouse.settings, lakehouse.root
    removed, unshown = remove_superseded(settings), remove_old_exposures(lakehouse)
    forgotten = forget_stages(lakehouse, datetime.now(UTC) - timedelta(days=settings.costs.history_days))
    done: dict[str, Upkeep] = {}
    failed: list[LakehouseError] = []
    for name in delta_tables(lakehouse):
        # Read anew for each: a model may have been trained meanwhile.
        pinned = pinned_versions(root / MODELS, root / RATING_EVENTS).get(name, set())
        try:
            done[name] = maintain_table(lakehouse, name, pinned, settings.maintenance.retention_hours)
        except LakehouseError as error:
            context.log.error(str(error))
            failed.append(error)
    if failed:
        raise failed[0]
    also = {
        "models_removed": dg.JsonMetadataValue(removed),
        "exposures_removed": unshown,
        "stages_forgotten": forgotten,
    }
    return dg.MaterializeResult(metadata=_metadata(done) | also)


def _metadata(done: dict[str, Upkeep]) -> dict[str, Any]:
    return {
        "tables": len(done),
        "mb_won": _mb(sum(upkeep.before.bytes - upkeep.after.bytes for upkeep in done.values())),
        "mb_after": _mb(sum(upkeep.after.bytes for upkeep in done.values())),
        "files_before": sum(upkeep.before.files for upkeep in done.values()),
        "files_after": sum(upkeep.after.files for upkeep in done.values()),
        "versions_kept": sum(len(upkeep.kept) for upkeep in done.values()),
        "versions_lost_before": sum(len(upkeep.lost) for upkeep in done.values()),
        "report": shown_table(_COLUMNS, [_row(name, upkeep) for name, upkeep in done.items()]),
    }


def _row(name: str, upkeep: Upkeep) -> tuple[Cell, ...]:
    before, after = upkeep.before, upkeep.after
    kept, lost = (", ".join(map(str, versions)) for versions in (upkeep.kept, upkeep.lost))
    return (name, f"{before.files} → {after.files}", _mb(after.bytes), _mb(before.bytes - after.bytes), kept, lost)


def _mb(size: int) -> float:
    return round(size / 1e6, 3)

"""The asset of the feature store."""

from typing import Any

import dagster as dg

from reco_assets.features.declarations import FEATURES
from reco_assets.features.run import STORE, Computed, compute_store
from reco_assets.features.store import FeatureStore
from reco_assets.tables import OWNERS
from reco_assets.version import code_version
from resources.orchestrator.shown_tables import shown_table
from resources.tables.lakehouse import Lakehouse


@dg.asset(
    key=STORE.split("/"),
    deps=[["silver", "ratings"], ["silver", "movies"]],
    group_name="features",
    owners=OWNERS,
    kinds={"duckdb"},
    # Of this room alone, so that Dagster calls the store outdated after a change here and not after any.
    code_version=code_version("reco_assets/features"),
)
def store(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
    """What was known of every user, movie and pair at every moment, in one DuckDB file; a version for each run."""
    computed = compute_store(lakehouse)
    return dg.MaterializeResult(data_version=dg.DataVersion(str(computed.version)), metadata=_shown(computed))


def _shown(computed: Computed) -> dict[str, Any]:
    with FeatureStore.open(computed.path) as store:
        rows = store.row_counts()
        as_of = store.as_of
    declared = [(f.name, f.entity.value, f.type, f.description, f.check, f.owner) for f in FEATURES]
    return {
        "version": computed.version,
        "path": dg.MetadataValue.path(str(computed.path)),
        "as_of": as_of.isoformat(),
        "inputs": dg.JsonMetadataValue(computed.inputs),
        "features": shown_table(("feature", "of", "type", "what it is", "rule", "owner"), declared),
        **{f"rows: {name}": count for name, count in rows.items()},
    }

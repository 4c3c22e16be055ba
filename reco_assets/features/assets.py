"""The asset of the feature store."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from reco_assets.features.declarations import FEATURES
from reco_assets.features.finding import NO_LOOK_AHEAD, RULES, FeatureCheckError, Finding
from reco_assets.features.inputs import INPUTS
from reco_assets.features.run import STORE, Computed, compute_store
from reco_assets.features.store import FeatureStore
from reco_assets.tables import HEAVY_POOL
from reco_assets.version import code_version
from resources.files import plain_json
from resources.orchestrator.shown_tables import shown_table
from resources.tables.lakehouse import Lakehouse

KEY = dg.AssetKey(STORE.split("/"))
CHECKS: Mapping[str, str] = {
    RULES: "Every value keeps its feature's rule.",
    NO_LOOK_AHEAD: "No feature sees an event at or after the moment of which it tells.",
}


@dg.asset(
    key=KEY,
    deps=[table.split("/") for table in INPUTS],
    check_specs=[dg.AssetCheckSpec(name, asset=KEY, description=text, blocking=True) for name, text in CHECKS.items()],
    group_name="features",
    pool=HEAVY_POOL,
    kinds={"duckdb"},
    # Of this room alone, so that Dagster calls the store outdated after a change here and not after any.
    code_version=code_version("reco_assets/features"),
)
def store(lakehouse: dg.ResourceParam[Lakehouse]) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """What was known of every user, movie and pair at every moment, in one DuckDB file; a version for each run."""
    try:
        computed = compute_store(lakehouse)
    except FeatureCheckError as error:
        yield from _checked(error.findings)
        raise
    yield dg.MaterializeResult(
        data_version=dg.DataVersion(str(computed.version)), metadata=_shown(computed), check_results=_checked([])
    )


def _checked(findings: list[Finding]) -> list[dg.AssetCheckResult]:
    found = {name: [finding for finding in findings if finding.check == name] for name in CHECKS}
    return [
        dg.AssetCheckResult(
            asset_key=KEY,
            check_name=name,
            passed=not broken,
            description="; ".join(map(str, broken)) or None,
            metadata={each.feature: dg.JsonMetadataValue(plain_json(each.rows)) for each in broken},
        )
        for name, broken in found.items()
    ]


def _shown(computed: Computed) -> dict[str, Any]:
    with FeatureStore.open(computed.path) as store:
        rows, as_of = store.row_counts(), store.as_of
    declared = [(f.name, f.entity.value, f.type, f.description, f.check, f.owner) for f in FEATURES]
    return {
        "version": computed.version,
        "path": dg.MetadataValue.path(str(computed.path)),
        "as_of": as_of.isoformat(),
        "inputs": dg.JsonMetadataValue(computed.inputs),
        "features": shown_table(("feature", "of", "type", "what it is", "rule", "owner"), declared),
        "removed": dg.JsonMetadataValue(computed.removed),
        **{f"rows: {name}": count for name, count in rows.items()},
    }

"""The pipelines as Dagster jobs: each materialises the union of its tasks' assets and runs the checks they name.

Those checks say what the verifying functions say; the Airflow export renders the same specs. A pipeline that lacks
something yet is neither.
"""

from collections.abc import Collection, Mapping

import dagster as dg

from reco_assets.pipelines.documented import DOCUMENTED_SPECS
from reco_assets.pipelines.internal import INTERNAL_SPECS
from reco_assets.pipelines.spec import HEAVY, INTAKE, JobSpec
from resources.orchestrator.dagster_private import UnresolvedAssetJobDefinition

SPECS = (*DOCUMENTED_SPECS, *INTERNAL_SPECS)
JOB_SPECS = tuple(spec for spec in SPECS if not spec.missing)
RETRAINING = frozenset(spec.name for spec in JOB_SPECS if spec.retrains)

_MAX_RUNTIME_SECONDS = {HEAVY: 8 * 3600, INTAKE: 3600}

Jobs = Mapping[str, UnresolvedAssetJobDefinition]


def asset_jobs(checks: Collection[dg.AssetCheckKey]) -> Jobs:
    """The job of every pipeline that lacks nothing, by its name.

    One object per job: the sensors take the same ones that the code location holds. `checks`: all checks of tables.
    """
    return {spec.name: _asset_job(spec, checks) for spec in JOB_SPECS}


def _asset_job(spec: JobSpec, checks: Collection[dg.AssetCheckKey]) -> UnresolvedAssetJobDefinition:
    assets = dg.AssetSelection.assets(*(dg.AssetKey(asset.split("/")) for asset in spec.assets))
    return dg.define_asset_job(
        spec.name,
        selection=assets | dg.AssetSelection.checks(*(key for key in checks if key.name in spec.checks)),
        description=spec.description,
        config=dict(spec.config) or None,
        # A run whose process hangs would hold its place in the queue for ever.
        tags={spec.queue: "true", "dagster/max_runtime": str(_MAX_RUNTIME_SECONDS[spec.queue])},
    )

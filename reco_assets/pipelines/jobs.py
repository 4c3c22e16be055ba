"""The pipelines as Dagster jobs: each materialises the union of its tasks' assets and runs the checks they name.

Those checks say what the verifying functions say; the Airflow export renders the same specs.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta

import dagster as dg

from reco_assets.pipelines.documented import DOCUMENTED_SPECS
from reco_assets.pipelines.internal import INTERNAL_SPECS
from reco_assets.pipelines.spec import HEAVY, INTAKE, JobSpec, Limits
from resources.orchestrator.dagster_private import UnresolvedAssetJobDefinition

SPECS = (*DOCUMENTED_SPECS, *INTERNAL_SPECS)
RETRAINING = frozenset(spec.name for spec in SPECS if spec.retrains)

SLA_TAG = "reco/sla"
_MAX_RUNTIME = {HEAVY: timedelta(hours=8), INTAKE: timedelta(hours=1)}

Jobs = Mapping[str, UnresolvedAssetJobDefinition]


def asset_jobs(checks: Collection[dg.AssetCheckKey]) -> Jobs:
    """The job of every pipeline, by its name.

    One object per job: the sensors take the same ones that the code location holds. `checks`: all checks of tables.
    """
    return {spec.name: asset_job(spec, checks) for spec in SPECS}


def asset_job(spec: JobSpec, checks: Collection[dg.AssetCheckKey]) -> UnresolvedAssetJobDefinition:
    """The job of one pipeline, with its limits as Dagster keeps and shows them."""
    assets = dg.AssetSelection.assets(*(dg.AssetKey(asset.split("/")) for asset in spec.assets))
    limits = spec.limits
    tags = queue_tags(spec.queue, limits.max_runtime if limits else None)
    return dg.define_asset_job(
        spec.name,
        selection=assets | dg.AssetSelection.checks(*(key for key in checks if key.name in spec.checks)),
        description=spec.description,
        config=dict(spec.config) or None,
        tags=tags | ({SLA_TAG: in_words(limits.sla)} if limits else {}),
        metadata={"limits": dg.MetadataValue.md(_limits_table(spec, limits))} if limits else None,
        op_retry_policy=_retries(limits) if limits else None,
    )


def queue_tags(queue: str, max_runtime: timedelta | None = None) -> dict[str, str]:
    """The tags of a run: the queue whose limit it shares, and when it is ended."""
    # A run whose process hangs would hold its place in the queue for ever.
    ended = max_runtime or _MAX_RUNTIME[queue]
    return {queue: "true", "dagster/max_runtime": str(int(ended.total_seconds()))}


def in_words(duration: timedelta) -> str:
    """A duration in hours and minutes, as a person says it."""
    hours, minutes = divmod(round(duration.total_seconds() / 60), 60)
    return (
        " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)
        or "0 min"
    )


def _retries(limits: Limits) -> dg.RetryPolicy:
    return dg.RetryPolicy(max_retries=limits.retries, delay=limits.retry_delay.total_seconds())


def _limits_table(spec: JobSpec, limits: Limits) -> str:
    """The limits as Dagit shows them on the job's page."""
    rows = [f"| {task.name} | {', '.join(task.assets)} | {in_words(task.sla)} |" for task in spec.tasks if task.sla]
    rest = f"A step that fails is tried again {limits.retries} times, {in_words(limits.retry_delay)} apart."
    ended = f"Only a run of {in_words(limits.max_runtime)} is ended."
    table = [
        "| task | makes | told when it takes more than |",
        "|---|---|---|",
        *rows,
        f"| the run | | {in_words(limits.sla)} |",
    ]
    return "\n".join([*table, "", rest, ended])

"""What Dagster sees of a judgement: its figures and report, the check of slices, and the table that it adds to."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from reco_assets.measured_tables import MODEL_METRICS
from reco_assets.models.interface import Family
from reco_assets.models.judging.document import metrics_plot, metrics_report
from reco_assets.models.judging.gate_document import facts_of
from reco_assets.models.judging.headline import differences, headline
from reco_assets.models.judging.metrics_table import write_metrics
from reco_assets.models.judging.run import Judged, judged_in_slices
from reco_assets.models.judging.sampled_document import sampled_plot
from reco_assets.models.judging.sampled_gate import DEPLOY_DECISION
from reco_assets.models.judging.slice_document import worse_slices
from reco_assets.tables import HEAVY_POOL
from resources.io_managers import table_metadata
from resources.mlflow.mirror import MlflowTracking
from resources.tables.lakehouse import Lakehouse

GATE, BEATS, NOT_WORSE, PROMOTED = "gate_passed", "beats_baselines", "not_worse_in_slice", "candidate_promoted"


@dg.asset(
    key=MODEL_METRICS.name.split("/"),
    deps=[["models", "als_evaluation"]],
    kinds={"delta"},
    group_name="models",
    pool=HEAVY_POOL,
)
def metrics(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
    """What each judged version, its baselines and the champion beside it came to in slices of the test ratings.

    The evaluation puts its rows in. Made by itself, it has those of all run metrics there are, and what else it had.
    """
    write_metrics(lakehouse, judged_in_slices(lakehouse.settings))
    version = lakehouse.version(MODEL_METRICS.name)
    return dg.MaterializeResult(
        metadata=table_metadata(lakehouse, MODEL_METRICS),
        data_version=None if version is None else dg.DataVersion(str(version)),
    )


def judgement_checks(family: Family) -> list[dg.AssetCheckSpec]:
    """What is checked of a judgement. One that a family makes in its own way has no slices and replaces no part."""
    told = {GATE: "What was judged may serve."}
    if not family.own:
        told |= {
            BEATS: "No baseline stands in for a part of what was judged.",
            NOT_WORSE: "In no slice of the test ratings is what would serve worse beyond noise than its rival.",
        }
    key = ["models", f"{family.name}_evaluation"]
    return [dg.AssetCheckSpec(name, asset=key, description=said) for name, said in told.items()]


def gate_checked(may_serve: bool, reason: str) -> dg.AssetCheckResult:
    """Whether what was judged may serve, or does already; an earlier version that is better serves on, so it warns."""
    return dg.AssetCheckResult(
        passed=may_serve, check_name=GATE, severity=dg.AssetCheckSeverity.WARN, description=reason
    )


def judgement_checked(judged: Judged, serves_already: bool) -> Iterator[dg.AssetCheckResult]:
    """What the checks of a judgement found."""
    document = judged.document
    comparison = document["comparison"]
    yield gate_checked(comparison["promote"] or serves_already, comparison["reason"])
    if serves := document.get("serves"):
        replaced = [f"{serves[part]}'s {part}" for part in ("lists", "stars") if serves[part] != "model"]
        yield dg.AssetCheckResult(
            passed=not replaced,
            check_name=BEATS,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{' and '.join(replaced)} would serve: better than the model's." if replaced else None,
            metadata=differences(document),
        )
    if slices := document.get("slices"):
        yield slices_checked(slices)


def promotion_checks(family: Family) -> list[dg.AssetCheckSpec]:
    """What is checked where a version is promoted."""
    key = ["models", f"{family.name}_champion"]
    return [dg.AssetCheckSpec(PROMOTED, asset=key, description="What was trained last serves.")]


def promotion_checked(promoted: bool, reason: str) -> dg.AssetCheckResult:
    """Whether what was trained last serves; where it doesn't, what served before serves on, so it warns."""
    return dg.AssetCheckResult(
        passed=promoted, check_name=PROMOTED, severity=dg.AssetCheckSeverity.WARN, description=reason
    )


def slices_checked(section: Mapping[str, Any]) -> dg.AssetCheckResult:
    """What the check of slices found, from the section of the run metrics."""
    worse, warn = worse_slices(section), dg.AssetCheckSeverity.WARN
    facts: dict[str, Any] = {"compared": len(section["compared"]), "worse": dg.JsonMetadataValue(worse)}
    return dg.AssetCheckResult(
        passed=not worse, check_name=NOT_WORSE, severity=warn, description=section["text"], metadata=facts
    )


def table_written(lakehouse: Lakehouse) -> dg.AssetMaterialization:
    """Say that models/metrics has the rows of a judgement."""
    return dg.AssetMaterialization(metrics.key, metadata=table_metadata(lakehouse, MODEL_METRICS))


def judgement_metadata(judged: Judged, registry: MlflowTracking) -> dict[str, Any]:
    """What Dagit shows of a judgement: what follows from it, the picture, where the rest is, and the first figures."""
    document, version = judged.document, judged.document["model_version"]
    decision, sampled = document.get(DEPLOY_DECISION), document.get("sampled")
    return {
        "decision": document["comparison"]["reason"],
        "plot": dg.MetadataValue.md(sampled_plot(sampled) if sampled else metrics_plot(document)),
        "report": dg.MetadataValue.md(metrics_report(version, document)),
        **headline(document),
        **differences(document),
        "version": version,
        "split": document["evaluation"]["split"],
        **({"protocol": sampled["protocol"]} if sampled else facts_of(document)),
        **(deploy_decision(decision) if decision else {}),
        "path": dg.MetadataValue.path(str(judged.path)),
        **link_to_run(registry, judged.mlflow_run_id),
    }


def link_to_run(registry: MlflowTracking, run_id: str | None) -> dict[str, Any]:
    """The page of a run in MLflow; nothing where MLflow was away."""
    return {"mlflow_run_id": dg.MetadataValue.url(registry.page_of(run_id))} if run_id else {}


def deploy_decision(decision: Mapping[str, Any]) -> dict[str, Any]:
    """A decision on deployment, and the task that follows from it."""
    return {DEPLOY_DECISION: dg.JsonMetadataValue(dict(decision)), "next_task": decision["next_task"]}

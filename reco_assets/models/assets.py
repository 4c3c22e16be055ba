"""The assets of a family of models: candidate → evaluation → champion. Each hands its version on as a value."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import dagster as dg
from pydantic import Field

from reco_assets.models.interface import Family
from reco_assets.models.judging.assets import (
    deploy_decision,
    gate_checked,
    judgement_checked,
    judgement_checks,
    judgement_metadata,
    link_to_run,
    promotion_checked,
    promotion_checks,
    table_written,
)
from reco_assets.models.judging.run import judge_version
from reco_assets.models.judging.sampled_gate import nothing_to_deploy
from reco_assets.models.training import NewVersion, Run, train_candidate, why_not_trained
from reco_assets.models.tuning.search import Tried
from reco_assets.models.versions.deployment import WAITS, Candidate, deploy
from reco_assets.models.versions.published import publish_models
from reco_assets.models.versions.store import model_store
from reco_assets.tables import HEAVY_POOL
from reco_assets.version import code_version
from resources.errors import RecoError
from resources.mlflow.mirror import MlflowTracking
from resources.tables.lakehouse import Lakehouse

GROUP = "models"
NO_VERSION = "none"  # handed on where nothing was trained and nothing is deployed


class DayError(RecoError):
    """The day that a run is configured with is none."""


class Training(dg.Config):
    """How a version is trained."""

    tune: int = Field(
        default=0,
        ge=0,
        description="Settings to try for each part on a slice of the training ratings; the best train the version.",
    )
    force: bool = Field(default=False, description="Train also on a day on which the family's rule has no training.")
    day: str = Field(default="", description="The day (2025-01-05, UTC) that the rule is asked about; empty: today.")


def model_assets(family: Family) -> list[dg.AssetsDefinition]:
    """`models/<family>_candidate`, `models/<family>_evaluation` and `models/<family>_champion`."""
    candidate = _candidate(family)
    evaluation = _evaluation(family, candidate.key)
    return [candidate, evaluation, _champion(family, evaluation.key)]


def _candidate(family: Family) -> dg.AssetsDefinition:
    @dg.asset(
        name=f"{family.name}_candidate",
        description=f"A newly trained version: {family.description}.",
        deps=_made_from(family, "silver/train_ratings"),
        io_manager_key="version_io",
        kinds={"model"},
        # Of the models' own code, so that Dagster calls a candidate outdated after a change there and not after any.
        code_version=code_version("reco_assets/models"),
        key_prefix=GROUP,
        group_name=GROUP,
        pool=HEAVY_POOL,
    )
    def candidate(
        context: dg.AssetExecutionContext,
        config: Training,
        lakehouse: dg.ResourceParam[Lakehouse],
        mlflow: dg.ResourceParam[MlflowTracking],
    ) -> str:
        if reason := why_not_trained(family, _day(config.day), force=config.force):
            deployed = model_store(lakehouse.settings, family).champion() or NO_VERSION
            say = context.log.warning if family.own and family.own.lacks() else context.log.info
            say(f"No version of {family.name} is trained: {reason}")
            context.add_output_metadata({"version": deployed, "trained": False, "reason": reason})
            return deployed
        run = Run(context.run_id, config.tune, lambda tried: _observe(context, tried))
        registry = _registry(family, mlflow)
        made = train_candidate(family, lakehouse, registry, run)
        told = {**_training_metadata(made), **link_to_run(registry, made.mlflow_run_id)}
        context.add_output_metadata({**told, **publish_models(lakehouse.settings, family)})
        return made.version

    return candidate


def _evaluation(family: Family, candidate: dg.AssetKey) -> dg.AssetsDefinition:
    @dg.asset(
        name=f"{family.name}_evaluation",
        ins={"candidate": dg.AssetIn(candidate)},
        deps=_made_from(family, "silver/test_ratings"),
        io_manager_key="version_io",
        kinds={"json"},
        key_prefix=GROUP,
        group_name=GROUP,
        pool=HEAVY_POOL,
        check_specs=judgement_checks(family),
    )
    def evaluation(
        context: dg.AssetExecutionContext,
        lakehouse: dg.ResourceParam[Lakehouse],
        mlflow: dg.ResourceParam[MlflowTracking],
        candidate: str,
    ) -> Iterator[Any]:
        """The candidate, judged on what it was not trained on, beside the champion and the baselines."""
        if candidate == NO_VERSION:
            found = nothing_to_deploy("skipped: nothing was trained and nothing is deployed, so nothing was judged")
            decided = {"decision": found.reason, **deploy_decision(found.document())}
            yield dg.Output(candidate, metadata={"version": NO_VERSION, **decided})
            yield gate_checked(True, found.reason)
            return
        registry, serving = _registry(family, mlflow), model_store(lakehouse.settings, family).champion()
        judged = judge_version(family, lakehouse, registry, candidate)
        told = {**judgement_metadata(judged, registry), **publish_models(lakehouse.settings, family)}
        yield dg.Output(candidate, metadata=told)
        if "slices" in judged.document:
            context.log_event(table_written(lakehouse))
        yield from judgement_checked(judged, serves_already=candidate == serving)

    return evaluation


def _champion(family: Family, evaluation: dg.AssetKey) -> dg.AssetsDefinition:
    @dg.asset(
        name=f"{family.name}_champion",
        ins={"evaluation": dg.AssetIn(evaluation)},
        # A candidate waits while an experiment runs, so whether that ends is looked at before.
        deps=[] if family.own else [[GROUP, f"{family.name}_experiment"]],
        kinds={"json"},
        key_prefix=GROUP,
        group_name=GROUP,
        pool=HEAVY_POOL,
        check_specs=promotion_checks(family),
    )
    def champion(
        lakehouse: dg.ResourceParam[Lakehouse], mlflow: dg.ResourceParam[MlflowTracking], evaluation: str
    ) -> dg.MaterializeResult:
        """Promotes the candidate if its evaluation says so and it still works as registered, or says why not.

        Where another version was promoted since, the candidate is judged again, beside that one.
        """
        if evaluation == NO_VERSION:
            reason = "skipped: nothing was trained and nothing is deployed"
            return dg.MaterializeResult(
                data_version=dg.DataVersion(NO_VERSION),
                metadata={"candidate": NO_VERSION, "champion": NO_VERSION, "promoted": False, "reason": reason},
                check_results=[promotion_checked(True, reason)],
            )
        settings, registry = lakehouse.settings, _registry(family, mlflow)
        judge_again = partial(judge_version, family, lakehouse, registry, evaluation)
        already = family.own is not None and model_store(settings, family).champion() == evaluation
        comparison = deploy(settings, Candidate(family, evaluation, registry, judge_again))
        serves = model_store(settings, family).champion() or NO_VERSION
        reason = f"skipped: {evaluation} is deployed already" if already else comparison.reason
        waits = reason.startswith(WAITS)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(serves),
            metadata={
                "candidate": evaluation,
                "champion": serves,
                "promoted": comparison.promote and not already,
                "waits": waits,
                "reason": reason,
                **publish_models(settings, family),
            },
            check_results=[promotion_checked(serves == evaluation or waits, reason)],
        )

    return champion


def _registry(family: Family, mlflow: MlflowTracking) -> MlflowTracking:
    return mlflow.named(family.registered_name(mlflow.settings))


def _training_metadata(made: NewVersion) -> dict[str, Any]:
    return {
        "version": made.version,
        "path": dg.MetadataValue.path(str(made.path)),
        "train_ratings": made.record.train_count,
        "users": made.users,
        "movies": made.movies,
        "settings": dg.JsonMetadataValue(made.record.document()["config"]),
        **_settled(made.record.settled),
        **({"new_movies": made.record.new_movies["line"]} if made.record.new_movies else {}),
        **({"tuning": dg.JsonMetadataValue(made.record.tuning)} if made.record.tuning else {}),
    }


def _settled(found: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the training chose by itself: in one line, and all of it."""
    return {"chosen": found["line"], "settled": dg.JsonMetadataValue(dict(found))} if found else {}


def _day(asked: str) -> date:
    """The day that was asked for, or today's (UTC). Raises `DayError`."""
    try:
        return date.fromisoformat(asked) if asked else datetime.now(UTC).date()
    except ValueError:
        raise DayError(f"day={asked!r} is no day: give it as 2025-01-05, or leave it out for today.") from None


def _made_from(family: Family, usual: str) -> list[dg.AssetKey]:
    return [dg.AssetKey(key.split("/")) for key in (family.own.made_from if family.own else (usual,))]


def _observe(context: dg.AssetExecutionContext, tried: Tried) -> None:
    """Show a trial while the others go on; its value plots in Dagit."""
    shown: dict[str, Any] = {"part": tried.part, "done": tried.done, "of": tried.of, **tried.params}
    values = {tried.metric: tried.value, f"best_{tried.metric}": tried.best}
    context.log_event(dg.AssetObservation(context.asset_key, metadata={**shown, **values}))

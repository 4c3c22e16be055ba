"""What Dagster sees of experiments: the log of what was shown, and the look that may end one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import dagster as dg

from reco_assets.experiments.exposures import log_exposures
from reco_assets.experiments.look import Looked, look_and_decide
from reco_assets.models.families import SERVING_FAMILY
from reco_assets.models.serving import serving_store
from reco_assets.tables import EXPOSURES, HEAVY_POOL, RECOMMENDATIONS_ALS, RECOMMENDATIONS_FRESH, STREAM_RATINGS
from resources.io_managers import table_metadata
from resources.mlflow.mirror import MlflowTracking
from resources.orchestrator.skipped import say_skipped
from resources.tables.lakehouse import Lakehouse

NOT_WORSE = "challenger_not_worse"
LOOK = f"{SERVING_FAMILY.name}_experiment"


@dg.asset(
    key=EXPOSURES.name.split("/"),
    deps=[spec.name.split("/") for spec in (RECOMMENDATIONS_ALS, RECOMMENDATIONS_FRESH)],
    kinds={"delta"},
    group_name="gold",
)
def exposures(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.MaterializeResult:
    """Which list each user of an experiment was shown from when on: a row where a user's list changed.

    It grows by what gold's lists say each time they are made, those for who came among them, and stays as it is where
    no experiment runs.
    """
    added = log_exposures(lakehouse)
    version = lakehouse.version(EXPOSURES.name)
    return dg.MaterializeResult(
        metadata={"added": added, **table_metadata(lakehouse, EXPOSURES)},
        data_version=None if version is None else dg.DataVersion(str(version)),
    )


class WithoutExperiment(Enum):
    """What a run does before the first experiment: go on, as one that trains does, or skip what follows the look."""

    GO_ON = "go_on"
    SKIP = "skip"


class LookConfig(dg.Config):
    """What to do where there is nothing to look at."""

    without_experiment: WithoutExperiment = WithoutExperiment.GO_ON


@dg.asset(
    name=LOOK,
    # Behind the evaluation, so that a pipeline that stops before it leaves the experiment alone, too.
    deps=[STREAM_RATINGS.name.split("/"), ["models", f"{SERVING_FAMILY.name}_evaluation"]],
    output_required=False,
    kinds={"json"},
    key_prefix="models",
    group_name="models",
    pool=HEAVY_POOL,
    check_specs=[
        dg.AssetCheckSpec(
            NOT_WORSE,
            asset=["models", LOOK],
            description="Users like the challenger's listed movies no less often than the champion's.",
        )
    ],
)
def experiment(
    context: dg.AssetExecutionContext,
    config: LookConfig,
    lakehouse: dg.ResourceParam[Lakehouse],
    mlflow: dg.ResourceParam[MlflowTracking],
) -> Iterator[Any]:
    """A look at the experiment that runs: whether its users' ratings say that the challenger is to serve.

    Where they do, it is promoted; where they say the opposite, or the days are over, it is dropped and the champion
    stays. It reads what gold/exposures logged of earlier publications, and comes before the decision on a candidate,
    which waits while an experiment runs.
    """
    registry = mlflow.named(SERVING_FAMILY.registered_name(mlflow.settings))
    looked = look_and_decide(lakehouse, registry, datetime.now(UTC))
    checked = dg.AssetCheckResult(
        passed=not (looked.ended and looked.experiment and looked.experiment.outcome == "dropped"),
        check_name=NOT_WORSE,
        severity=dg.AssetCheckSeverity.WARN,
        description=looked.reason,
    )
    if looked.experiment is None and config.without_experiment is WithoutExperiment.SKIP:
        say_skipped(context, looked.reason)
        yield checked
        return
    yield dg.MaterializeResult(metadata=_metadata(lakehouse, looked), check_results=[checked])


def _metadata(lakehouse: Lakehouse, looked: Looked) -> dict[str, Any]:
    """What Dagit and alerts tell: as of the champion's asset, and the figures of the look."""
    found = looked.experiment
    if found is None:
        return {"reason": looked.reason, "ended": False}
    facts = looked.look.facts() if looked.look else {}
    return {
        "experiment": found.id,
        "candidate": found.challenger,
        "champion": serving_store(lakehouse.settings).served()[0] or "none",
        "outcome": found.outcome or "running",
        "promoted": looked.ended and found.outcome == "promoted",
        "ended": looked.ended,
        "reason": looked.reason,
        **({"figures": dg.JsonMetadataValue(facts)} if facts else {}),
    }

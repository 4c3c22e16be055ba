"""A tuning as a training run does it: one at a time, its studies in the lakehouse, its trials in MLflow."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reco_assets.models.interface import Family
from reco_assets.models.tuning.search import Search, Tried, Tuned, tune
from reco_assets.models.versions.store import model_store
from resources.mlflow.mirror import MlflowTracking
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse


def study_file(settings: Settings, family: Family) -> Path:
    """The sqlite file with the studies of a family."""
    return model_store(settings, family).folder / "_tuning" / "studies.db"


def run_tuning(
    lakehouse: Lakehouse, mlflow: MlflowTracking, search: Search, trials: int, report: Callable[[Tried], None]
) -> Tuned:
    """Tune all parts; each trial is a run of MLflow below one of the whole, and is told to `report`.

    Waits for another tuning of this lakehouse to end: what it tried counts here. Raises `TuningError`.
    """
    with lakehouse.lock(f"models/{search.family.name}/tuning"):
        parent = mlflow.log_run(f"tuning to {trials} trials", _numbers(search), {})

        def log(tried: Tried) -> None:
            if parent:  # otherwise MLflow is away, and each trial would wait for it again
                name = f"{tried.part} {tried.done}"
                mlflow.log_run(
                    name, {"part": tried.part, **tried.params}, {tried.metric.replace("@", "_at_"): tried.value}, parent
                )
            report(tried)

        tuned = tune(search, study_file(lakehouse.settings, search.family), trials, log)
    return Tuned(tuned.config, {**tuned.record, "mlflow_run_id": parent})


def _numbers(search: Search) -> Mapping[str, Any]:
    goal = search.goal
    asked = {"k": goal.k, "threshold": goal.threshold, "seed": goal.seed, "slice": goal.cut.strategy}
    return {**asked, "train_count": len(search.train)}

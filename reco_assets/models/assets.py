"""The model assets: candidate → evaluation → promotion. Each hands its version on as a value."""

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pac
from pydantic import Field

from reco_assets.models.als import solver as als
from reco_assets.models.als.recommender import AlsRecommender, Factorize, ModelConfig
from reco_assets.models.als.solver import AlsConfig
from reco_assets.models.baselines import fit_baselines
from reco_assets.models.judging.document import hyperparameters, metrics_plot, metrics_report, scalar_metrics
from reco_assets.models.judging.evaluation import Protocol, Trial
from reco_assets.models.judging.judge import judge
from reco_assets.models.ratings import Ratings
from reco_assets.models.tuning.run import goal_of, run_tuning
from reco_assets.models.tuning.search import Search, Tried
from reco_assets.models.versions.deployment import deploy
from reco_assets.models.versions.published import publish_models
from reco_assets.models.versions.store import SaveNative, model_store, save_model
from reco_assets.tables import OWNERS, TEST_RATINGS, TRAIN_RATINGS
from reco_assets.version import CODE_VERSION
from reco_assets.vocabulary import HISTORY, RATING_COLUMNS
from resources.files import write_json
from resources.mlflow.mirror import MlflowTracking, VersionRecord
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse


class Training(dg.Config):
    """How a version is trained."""

    tune: int = Field(
        default=0,
        ge=0,
        description="Settings to try for each part on a slice of the training ratings; the best train the version.",
    )


_ASSET: dict[str, Any] = {"key_prefix": "models", "group_name": "models", "owners": OWNERS}


@dg.asset(
    deps=[["silver", "train_ratings"]],
    io_manager_key="version_io",
    kinds={"model"},
    code_version=CODE_VERSION,
    **_ASSET,
)
def als_candidate(
    context: dg.AssetExecutionContext,
    config: Training,
    lakehouse: dg.ResourceParam[Lakehouse],
    mlflow: dg.ResourceParam[MlflowTracking],
) -> str:
    """A newly trained version: the rating part (biases + ALS on residuals) and the ranking part (implicit ALS)."""
    with model_store(lakehouse.settings).new_version() as (version, path):
        facts, model, save_native = _trained(context, config, lakehouse, mlflow)
        save_model(path, model, {"version": version, **facts}, save_native)
    run_id = _log_training(lakehouse.settings, mlflow, version)
    context.add_output_metadata(
        {
            "version": version,
            "path": dg.MetadataValue.path(str(path)),
            "train_ratings": facts["train_count"],
            "users": len(model.user_ids),
            "movies": len(model.movie_ids),
            "settings": dg.JsonMetadataValue(model.config.as_dict()),
            **publish_models(lakehouse.settings),
            **({"mlflow_run_id": run_id} if run_id else {}),
            **({"tuning": dg.JsonMetadataValue(facts["tuning"])} if "tuning" in facts else {}),
        }
    )
    return version


def _log_training(settings: Settings, mlflow: MlflowTracking, version: str) -> str | None:
    """The version's run in MLflow, in which its evaluation goes on; None, with a warning, where MLflow is away."""
    store = model_store(settings)
    facts = store.facts(version)
    run_id = mlflow.log_run(version, hyperparameters(settings, facts), {"train_count": facts["train_count"]})
    if run_id:
        store.annotate(version, mlflow_run_id=run_id)
    return run_id


def _trained(
    context: dg.AssetExecutionContext, config: Training, lakehouse: Lakehouse, mlflow: MlflowTracking
) -> tuple[dict[str, Any], AlsRecommender, SaveNative | None]:
    """What model.json is to say, the model, and what saves the engine's own files."""
    settings = lakehouse.settings
    train_version = lakehouse.version(TRAIN_RATINGS.name)
    train = read_ratings(lakehouse, TRAIN_RATINGS.name, train_version, settings.training.lookback_days)
    chosen, tuning = model_config(settings), {}
    if config.tune:
        search = Search(train, chosen, goal_of(lakehouse), solver(lakehouse))
        tuned = run_tuning(lakehouse, mlflow, search, config.tune, lambda trial: _observe(context, trial))
        chosen, tuning = tuned.config, {"tuning": tuned.record}
    model, save_native = fit(lakehouse, train, chosen)
    facts = {
        "engine": lakehouse.engine.name,
        "cores": os.cpu_count(),
        "code_version": CODE_VERSION,
        "dagster_run_id": context.run_id,
        "split": split_of(lakehouse),
        "inputs": {TRAIN_RATINGS.name: train_version},
        "train_count": len(train),
        "lookback_days": settings.training.lookback_days,
        "seed": settings.training.seed,
        **tuning,
    }
    return facts, model, save_native


@dg.asset(deps=[["silver", "test_ratings"]], io_manager_key="version_io", kinds={"json"}, **_ASSET)
def als_evaluation(
    context: dg.AssetExecutionContext,
    lakehouse: dg.ResourceParam[Lakehouse],
    mlflow: dg.ResourceParam[MlflowTracking],
    als_candidate: str,
) -> str:
    """The candidate, and the champion beside it, judged on the same test ratings and against both baselines."""
    judged = _judge(lakehouse, mlflow, als_candidate)
    context.add_output_metadata(
        {
            **scalar_metrics(judged.document),
            "version": als_candidate,
            "split": judged.document["evaluation"]["split"],
            "decision": judged.document["comparison"]["reason"],
            "report": dg.MetadataValue.md(metrics_report(als_candidate, judged.document)),
            "plot": dg.MetadataValue.md(metrics_plot(judged.document)),
            "path": dg.MetadataValue.path(str(judged.path)),
            **({"mlflow_run_id": judged.mlflow_run_id} if judged.mlflow_run_id else {}),
            **publish_models(lakehouse.settings),
        }
    )
    return als_candidate


@dataclass(frozen=True)
class Judged:
    """An evaluation: the run metrics, their file, and the run in MLflow that shows them (None where it is away)."""

    document: dict[str, Any]
    path: Path
    mlflow_run_id: str | None


def _judge(lakehouse: Lakehouse, mlflow: MlflowTracking, version: str) -> Judged:
    """Judge a version on today's test ratings beside the champion; keep, register and return what was found."""
    settings, store = lakehouse.settings, model_store(lakehouse.settings)
    facts = store.facts(version)
    train_version, test_version = facts["inputs"][TRAIN_RATINGS.name], lakehouse.version(TEST_RATINGS.name)
    trained_on = read_ratings(lakehouse, TRAIN_RATINGS.name, train_version, facts.get("lookback_days"))
    trial = Trial(
        *read_test_ratings(lakehouse, test_version),
        train=read_ratings(lakehouse, TRAIN_RATINGS.name, train_version),
        baselines=fit_baselines(trained_on),
        protocol=Protocol(
            settings.judging.k, settings.judging.rating_threshold, settings.judging.cold_start_strategy, facts["split"]
        ),
    )
    document = judge(settings, version, trial)
    document["inputs"] = {**facts["inputs"], TEST_RATINGS.name: test_version}
    metrics_path = metrics_folder(settings) / f"run_metrics_{version}.json"
    write_json(metrics_path, document)
    store.annotate(version, metrics=document)
    metrics = scalar_metrics(document)
    # A version that is judged again gets a run of its own: one run holds one judgement.
    trained_in = None if "metrics" in facts else facts.get("mlflow_run_id")
    record = VersionRecord(
        version, document["hyperparameters"], metrics, store.path(version), (metrics_path,), trained_in
    )
    return Judged(document, metrics_path, mlflow.log_version(record))


@dg.asset(kinds={"json"}, **_ASSET)
def als_champion(
    lakehouse: dg.ResourceParam[Lakehouse], mlflow: dg.ResourceParam[MlflowTracking], als_evaluation: str
) -> dg.MaterializeResult:
    """Promotes the candidate if its evaluation says so and it still works as registered, or says why not.

    Where another version was promoted since, the candidate is judged again, beside that one.
    """
    settings, version = lakehouse.settings, als_evaluation
    comparison = deploy(settings, mlflow, version, lambda: _judge(lakehouse, mlflow, version))
    champion = model_store(settings).champion()
    return dg.MaterializeResult(
        data_version=dg.DataVersion(champion or "none"),
        metadata={
            "candidate": version,
            "champion": champion or "none",
            "promoted": comparison["promote"],
            "reason": comparison["reason"],
            **publish_models(settings),
        },
    )


def fit(lakehouse: Lakehouse, train: Ratings, config: ModelConfig | None = None) -> tuple[AlsRecommender, Any]:
    """Fit on the engine's solver; beside the model, what saves the engine's own files (None when it has none).

    `config` is what the settings ask for, unless it is given.
    """
    factorize = solver(lakehouse)
    model = AlsRecommender.fit(train, config or model_config(lakehouse.settings), factorize)
    return model, getattr(factorize, "save_native", None)


def solver(lakehouse: Lakehouse) -> Factorize:
    """What factorises on this engine."""
    if lakehouse.engine.name == "embedded":
        return als.factorize
    from reco_assets.models.als.mllib import MllibFactorizer

    return MllibFactorizer(lakehouse.engine.session)


def read_ratings(
    lakehouse: Lakehouse, table: str, version: int | None = None, lookback_days: int | None = None
) -> Ratings:
    """A table's ratings as arrays, all of them or those of the last days before its newest. Raises `LakehouseError`.

    Days count back from the newest rating and not from today, so that a version can be trained again later.
    """
    dataset = lakehouse.dataset(table, version)
    if lookback_days is None:
        return Ratings.from_arrow(dataset.to_table(columns=list(RATING_COLUMNS)))
    rows = dataset.to_table(columns=[*RATING_COLUMNS, "rating_ts"])
    oldest = pac.subtract(pac.max(rows["rating_ts"]), pa.scalar(timedelta(days=lookback_days)))
    return Ratings.from_arrow(rows.filter(pac.greater_equal(rows["rating_ts"], oldest)))


def model_config(settings: Settings) -> ModelConfig:
    """The hyperparameters that the settings ask for."""
    return ModelConfig(
        rating=AlsConfig(settings.als.rank, settings.als.max_iter, settings.als.reg_param, settings.training.seed),
        ranking=AlsConfig(
            settings.ranking.rank,
            settings.ranking.max_iter,
            settings.ranking.reg_param,
            settings.training.seed,
            settings.ranking.alpha,
        ),
        like_threshold=settings.ranking.like_threshold,
    )


def metrics_folder(settings: Settings) -> Path:
    """Where the run metrics of all versions are, `run_metrics_<version>.json`."""
    return settings.storage.root / "gold" / "metrics"


def split_of(lakehouse: Lakehouse) -> str:
    """The policy by which the current training rows were split."""
    rows = lakehouse.dataset("silver/split_ratings").head(1).to_pylist()
    return str(rows[0]["policy"]) if rows else lakehouse.settings.split.policy()


def read_test_ratings(lakehouse: Lakehouse, version: int | None) -> tuple[Ratings, np.ndarray]:
    """The n test ratings, and which of them came by stream, (n,) bool. Raises `LakehouseError`."""
    test = lakehouse.dataset(TEST_RATINGS.name, version, encoded=["origin"])
    rows = test.to_table(columns=[*RATING_COLUMNS, "origin"])
    return Ratings.from_arrow(rows), pac.not_equal(rows["origin"].cast(pa.string()), HISTORY).to_numpy()


def _observe(context: dg.AssetExecutionContext, tried: Tried) -> None:
    """Show a trial while the others go on; its value plots in Dagit."""
    shown: dict[str, Any] = {"part": tried.part, "done": tried.done, "of": tried.of, **tried.params}
    values = {tried.metric: tried.value, f"best_{tried.metric}": tried.best}
    context.log_event(dg.AssetObservation(context.asset_key, metadata={**shown, **values}))

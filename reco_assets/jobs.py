"""The documented pipelines as data: tasks in the documents' names, what each materialises, and their order.

A Dagster job materialises the union of its tasks' assets, whose checks say what the verifying functions say;
the Airflow export renders the same specs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from reco_assets.models.assets import find_latest_model
from reco_assets.validation import verify_gold, verify_silver
from resources.settings import Settings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


@dataclass(frozen=True)
class Task:
    """One documented task: the assets it makes (keys with slashes) or, without any, a function of the settings."""

    name: str
    assets: tuple[str, ...] = ()
    function: Callable[[Settings], str] | None = None


@dataclass(frozen=True)
class JobSpec:
    """A documented DAG id with its tasks and its edges (upstream, downstream)."""

    name: str
    description: str
    tasks: tuple[Task, ...]
    edges: tuple[tuple[str, str], ...]

    @property
    def assets(self) -> tuple[str, ...]:
        """Every asset the job makes, in the order of its tasks."""
        return tuple(asset for task in self.tasks for asset in task.assets)


BRONZE = ("bronze/ratings", "bronze/movies", "bronze/tags")
SILVER = (
    "silver/ratings",
    "silver/quarantine_ratings",
    "silver/movies",
    "silver/quarantine_movies",
    "silver/tags",
    "silver/quarantine_tags",
    "silver/etl_report",
)
SPLIT = ("silver/split_ratings", "silver/train_ratings", "silver/test_ratings", "silver/future_ratings")
ETL = (*BRONZE, *SILVER, *SPLIT)
FUTURES = ("silver/future_csv",)
TRAINING = ("models/als_candidate",)
EVALUATION = ("models/als_evaluation", "models/als_champion")
SERVING = ("gold/recommendations_als", "gold/similar_movies")

RECO_PIPELINE = JobSpec(
    name="reco_pipeline",
    description="Bronze to recommendations: the daily main job.",
    tasks=(
        Task("run_etl_bronze_to_silver", (*ETL, *FUTURES)),
        Task("verify_silver_output", function=verify_silver),
        Task("run_train_als_generate_recos", (*TRAINING, *EVALUATION, *SERVING)),
        Task("verify_gold_output", function=verify_gold),
    ),
    edges=(
        ("run_etl_bronze_to_silver", "verify_silver_output"),
        ("verify_silver_output", "run_train_als_generate_recos"),
        ("run_train_als_generate_recos", "verify_gold_output"),
    ),
)

ETL_TRAIN_TEST_PIPELINE = JobSpec(
    name="etl_train_test_pipeline",
    description="Initial training: ETL, the future ratings as CSV, a model, its evaluation. Started by hand.",
    tasks=(
        Task("spark_etl", ETL),
        Task("spark_create_futures", FUTURES),
        Task("spark_train_recommender", TRAINING),
        Task("find_latest_model", function=find_latest_model),
        Task("spark_test_recommender", EVALUATION),
    ),
    edges=(
        ("spark_etl", "spark_create_futures"),
        ("spark_etl", "spark_train_recommender"),
        ("spark_train_recommender", "find_latest_model"),
        ("find_latest_model", "spark_test_recommender"),
    ),
)

JOB_SPECS = (RECO_PIPELINE, ETL_TRAIN_TEST_PIPELINE)


def asset_job(spec: JobSpec) -> "UnresolvedAssetJobDefinition":
    """The Dagster job of a spec, with the checks on its assets."""
    keys = [dg.AssetKey(asset.split("/")) for asset in spec.assets]
    # One heavy run at a time: two would share two cores and one memory.
    return dg.define_asset_job(
        spec.name, selection=dg.AssetSelection.assets(*keys), description=spec.description, tags={"reco/heavy": "true"}
    )

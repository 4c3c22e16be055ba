"""The documented pipelines as data: tasks in the documents' names, what each materialises, and their order.

A Dagster job materialises the union of its tasks' assets, whose checks say what the verifying functions say;
the Airflow export renders the same specs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dagster as dg

from reco_assets.drift.reports import check_retrain
from reco_assets.models.assets import find_current_model, find_latest_model
from reco_assets.validation import verify_gold, verify_silver
from resources.settings import Settings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


# One run at a time of each: two heavy ones would share two cores and one memory. See dagster.yaml.
HEAVY, INTAKE = "reco/heavy", "reco/intake"
MAX_RUNTIME_SECONDS = {HEAVY: 8 * 3600, INTAKE: 3600}


@dataclass(frozen=True)
class Task:
    """One documented task: the assets it makes (keys with slashes) or, without any, a function of the settings."""

    name: str
    assets: tuple[str, ...] = ()
    function: Callable[[Settings], str] | None = None


@dataclass(frozen=True)
class JobSpec:
    """A pipeline with its tasks and its edges (upstream, downstream).

    `queue` is the run tag whose limit it shares, `config` the run configuration that makes it what it is.
    """

    name: str
    description: str
    tasks: tuple[Task, ...]
    edges: tuple[tuple[str, str], ...]
    queue: str = HEAVY
    config: Mapping[str, Any] = field(default_factory=dict)

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
STREAM = ("stream/ratings", "stream/quarantine")
DRIFT = ("drift/data_drift", "drift/model_drift", "drift/report")
MERGE = ("stream/accepted", "silver/train_ratings", "silver/test_ratings")

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

PROCESS = Task("process_streaming_data", STREAM)
DETECT = Task("detect_drift", DRIFT)
MERGE_AND_RETRAIN = (
    Task("merge_streaming_data", MERGE),
    Task("train_recommender", TRAINING),
    Task("find_latest_model", function=find_latest_model),
    Task("test_recommender", (*EVALUATION, *SERVING)),
)
RETRAIN_EDGES = (
    ("merge_streaming_data", "train_recommender"),
    ("train_recommender", "find_latest_model"),
    ("find_latest_model", "test_recommender"),
)

DRIFT_DETECTION_RETRAIN_PIPELINE = JobSpec(
    name="drift_detection_retrain_pipeline",
    description="New files to drift reports and, where they call for it, to a retrained model; else it stops there.",
    tasks=(
        PROCESS,
        Task("find_current_model", function=find_current_model),
        DETECT,
        Task("check_retrain", function=check_retrain),
        Task("skip_retrain"),
        *MERGE_AND_RETRAIN,
    ),
    edges=(
        ("process_streaming_data", "find_current_model"),
        ("find_current_model", "detect_drift"),
        ("detect_drift", "check_retrain"),
        ("check_retrain", "skip_retrain"),
        ("check_retrain", "merge_streaming_data"),
        *RETRAIN_EDGES,
    ),
    config={
        "ops": {
            "process_streaming_data": {"config": {"require_files": True}},
            "stream__accepted": {"config": {"accept": "IF_DRIFT_OR_STOP"}},
        }
    },
)

STREAM_INTAKE = JobSpec(
    name="stream_intake",
    description="Files in the streaming folder to staged ratings and a drift report; started by the landing sensor.",
    tasks=(PROCESS, DETECT),
    edges=(("process_streaming_data", "detect_drift"),),
    queue=INTAKE,
)
DRIFT_SCORING = JobSpec(
    name="drift_scoring",
    description="A new drift report on the waiting batches, for when the champion changed since the last.",
    tasks=(DETECT,),
    edges=(),
    queue=INTAKE,
)
DRIFT_RETRAIN = JobSpec(
    name="drift_retrain",
    description="Waiting batches merged, a model trained on them, judged, promoted or rejected.",
    tasks=MERGE_AND_RETRAIN,
    edges=RETRAIN_EDGES,
)

JOB_SPECS = (
    RECO_PIPELINE,
    ETL_TRAIN_TEST_PIPELINE,
    DRIFT_DETECTION_RETRAIN_PIPELINE,
    STREAM_INTAKE,
    DRIFT_SCORING,
    DRIFT_RETRAIN,
)


def asset_job(spec: JobSpec) -> "UnresolvedAssetJobDefinition":
    """The Dagster job of a spec, with the checks on its assets."""
    keys = [dg.AssetKey(asset.split("/")) for asset in spec.assets]
    return dg.define_asset_job(
        spec.name,
        selection=dg.AssetSelection.assets(*keys),
        description=spec.description,
        config=dict(spec.config) or None,
        # A run whose process hangs would hold its place in the queue for ever.
        tags={spec.queue: "true", "dagster/max_runtime": str(MAX_RUNTIME_SECONDS[spec.queue])},
    )


# One object per job: the sensors name the same ones that the code location holds.
JOBS = {spec.name: asset_job(spec) for spec in JOB_SPECS}

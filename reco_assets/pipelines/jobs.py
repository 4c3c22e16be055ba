"""The documented pipelines as data: tasks in the documents' names, what each materialises, and their order.

A Dagster job materialises the union of its tasks' assets, whose checks say what the verifying functions say;
the Airflow export renders the same specs. A pipeline that lacks something yet is neither.
"""

import dagster as dg

from reco_assets.pipelines.documented import (
    DATA_VALIDATION,
    DRIFT_DETECTION_RETRAIN_PIPELINE,
    DRIFT_RETRAIN,
    DRIFT_SCORING,
    ETL_TRAIN_TEST_PIPELINE,
    LAKEHOUSE_MAINTENANCE,
    ML_PIPELINE,
    MODEL_RETRAINING,
    RECO_PIPELINE,
    STREAM_INTAKE,
)
from reco_assets.pipelines.planned import MODEL_TRAINING, MOVIE_RECOMMENDER_PIPELINE
from reco_assets.pipelines.selections import (
    BRONZE,
    DRIFT,
    ETL,
    EVALUATION,
    FUTURES,
    MERGE,
    SERVING,
    SILVER,
    SPLIT,
    STREAM,
    TRAINING,
)
from reco_assets.pipelines.spec import HEAVY, INTAKE, JobSpec, Task
from reco_assets.quality.assets import TABLE_CHECKS
from resources.dagster_private import UnresolvedAssetJobDefinition

__all__ = [
    "BRONZE",
    "DATA_VALIDATION",
    "DOCUMENTED_SPECS",
    "DRIFT",
    "DRIFT_DETECTION_RETRAIN_PIPELINE",
    "DRIFT_RETRAIN",
    "DRIFT_SCORING",
    "ETL",
    "EVALUATION",
    "FUTURES",
    "JOBS",
    "JOB_SPECS",
    "MERGE",
    "ML_PIPELINE",
    "MODEL_RETRAINING",
    "RECO_PIPELINE",
    "SERVING",
    "SILVER",
    "SPECS",
    "SPLIT",
    "STREAM",
    "STREAM_INTAKE",
    "TRAINING",
    "JobSpec",
    "Task",
    "asset_job",
]

DOCUMENTED_SPECS = (
    RECO_PIPELINE,
    ETL_TRAIN_TEST_PIPELINE,
    DRIFT_DETECTION_RETRAIN_PIPELINE,
    ML_PIPELINE,
    DATA_VALIDATION,
    MODEL_RETRAINING,
    MOVIE_RECOMMENDER_PIPELINE,
    MODEL_TRAINING,
)
SPECS = (*DOCUMENTED_SPECS, STREAM_INTAKE, DRIFT_SCORING, DRIFT_RETRAIN, LAKEHOUSE_MAINTENANCE)
JOB_SPECS = tuple(spec for spec in SPECS if not spec.missing)

_MAX_RUNTIME_SECONDS = {HEAVY: 8 * 3600, INTAKE: 3600}


def asset_job(spec: JobSpec) -> UnresolvedAssetJobDefinition:
    """The Dagster job of a spec: its assets with their checks, and the kinds of checks that it runs by themselves."""
    return dg.define_asset_job(
        spec.name,
        selection=_selection(spec),
        description=spec.description,
        config=dict(spec.config) or None,
        # A run whose process hangs would hold its place in the queue for ever.
        tags={spec.queue: "true", "dagster/max_runtime": str(_MAX_RUNTIME_SECONDS[spec.queue])},
    )


def _selection(spec: JobSpec) -> dg.AssetSelection:
    assets = [dg.AssetKey(asset.split("/")) for asset in spec.assets]
    checks = [key for table in TABLE_CHECKS for key in sorted(table.check_keys) if key.name in spec.checks]
    return dg.AssetSelection.assets(*assets) | dg.AssetSelection.checks(*checks)


# One object per job: the sensors name the same ones that the code location holds.
JOBS = {spec.name: asset_job(spec) for spec in JOB_SPECS}

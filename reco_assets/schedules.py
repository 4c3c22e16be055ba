"""Schedules of the documented pipelines, one cron each; off until someone turns them on, as Airflow may own them."""

from collections.abc import Mapping, Sequence

import dagster as dg

from reco_assets.jobs import JOBS
from resources.settings import Settings


def crons(settings: Settings) -> Mapping[str, str]:
    """When each documented pipeline runs (five fields, UTC); empty: by hand. Dagster and Airflow both read this."""
    return {
        "reco_pipeline": settings.reco_pipeline_cron,
        "etl_train_test_pipeline": settings.etl_train_test_pipeline_cron,
        "drift_detection_retrain_pipeline": settings.drift_detection_retrain_pipeline_cron,
        "ml_pipeline_dag": "0 0 * * 0",
        "data_validation_dag": "0 0 * * *",
        "model_retraining_dag": "",
        "movie_recommender_pipeline": "0 2 * * *",
        "model_training_dag": "",
    }


def schedules(settings: Settings) -> Sequence[dg.ScheduleDefinition]:
    """One schedule per pipeline that runs and has a cron; UTC, stopped by default."""
    return [
        dg.ScheduleDefinition(name=f"{job}_schedule", job_name=job, cron_schedule=cron, execution_timezone="UTC")
        for job, cron in crons(settings).items()
        if cron and job in JOBS
    ]

"""Schedules of the documented pipelines and of maintenance, one cron each.

They are off, as Airflow may own the pipelines; RECO_SCHEDULES=on turns on all that nobody stopped in Dagit.
"""

from collections.abc import Mapping, Sequence

import dagster as dg

from reco_assets.pipelines.jobs import JOBS
from resources.settings import Settings


def crons(settings: Settings) -> Mapping[str, str]:
    """When each pipeline runs (five fields, UTC); empty: by hand. Dagster and Airflow both read this."""
    return {
        "reco_pipeline": settings.schedules.reco_pipeline_cron,
        "etl_train_test_pipeline": settings.schedules.etl_train_test_pipeline_cron,
        "drift_detection_retrain_pipeline": settings.schedules.drift_detection_retrain_pipeline_cron,
        "ml_pipeline_dag": settings.schedules.ml_pipeline_dag_cron,
        "data_validation_dag": settings.schedules.data_validation_dag_cron,
        "model_retraining_dag": settings.schedules.model_retraining_dag_cron,
        "movie_recommender_pipeline": "0 2 * * *",
        "model_training_dag": "",
        "lakehouse_maintenance": settings.schedules.lakehouse_maintenance_cron,
    }


def schedules(settings: Settings) -> Sequence[dg.ScheduleDefinition]:
    """One schedule per pipeline that runs and has a cron; UTC, running where RECO_SCHEDULES says so."""
    status = dg.DefaultScheduleStatus.RUNNING if settings.schedules.switch == "on" else dg.DefaultScheduleStatus.STOPPED
    return [
        dg.ScheduleDefinition(
            name=f"{job}_schedule",
            job_name=job,
            cron_schedule=cron,
            execution_timezone="UTC",
            default_status=status,
        )
        for job, cron in crons(settings).items()
        if cron and job in JOBS
    ]

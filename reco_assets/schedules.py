"""Schedules of the documented pipelines, from one cron setting each; off until someone turns them on."""

from collections.abc import Sequence

import dagster as dg

from resources.settings import Settings


def schedules(settings: Settings) -> Sequence[dg.ScheduleDefinition]:
    """One schedule per pipeline whose cron setting is not empty; UTC, stopped by default as Airflow may own it."""
    crons = {
        "reco_pipeline": settings.reco_pipeline_cron,
        "etl_train_test_pipeline": settings.etl_train_test_pipeline_cron,
        "drift_detection_retrain_pipeline": settings.drift_detection_retrain_pipeline_cron,
    }
    return [
        dg.ScheduleDefinition(name=f"{job}_schedule", job_name=job, cron_schedule=cron, execution_timezone="UTC")
        for job, cron in crons.items()
        if cron
    ]

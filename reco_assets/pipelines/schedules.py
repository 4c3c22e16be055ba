"""Schedules of the documented pipelines and of maintenance, by the cron that each spec names.

They are off, as Airflow may own the pipelines; RECO_SCHEDULES=on turns on all that nobody stopped in Dagit.
"""

from collections.abc import Sequence

import dagster as dg

from reco_assets.pipelines.jobs import SPECS
from reco_assets.pipelines.spec import JobSpec
from resources.settings import Settings


def cron_of(spec: JobSpec, settings: Settings) -> str:
    """When a pipeline runs (five fields, UTC); empty: by hand. Dagster and Airflow both read this."""
    return str(getattr(settings.schedules, spec.cron_setting)) if spec.cron_setting else ""


def schedules(settings: Settings) -> Sequence[dg.ScheduleDefinition]:
    """One schedule per pipeline with a cron; UTC, running where RECO_SCHEDULES says so."""
    status = dg.DefaultScheduleStatus.RUNNING if settings.schedules.switch == "on" else dg.DefaultScheduleStatus.STOPPED
    return [
        dg.ScheduleDefinition(
            name=f"{spec.name}_schedule",
            job_name=spec.name,
            cron_schedule=cron,
            execution_timezone="UTC",
            default_status=status,
        )
        for spec in SPECS
        if (cron := cron_of(spec, settings))
    ]

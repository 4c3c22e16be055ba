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


def said_of(spec: JobSpec) -> str:
    """What a schedule starts, whether that retrains, and which setting says when."""
    if spec.retrains:
        retrains = "It retrains the model by itself, where a drift report calls for it or whoever starts it decided."
    elif spec.follows_its_report:
        retrains = "Its drift report may call for a retraining, which retrain_sensor starts."
    elif any(asset.endswith("_candidate") for asset in spec.assets):
        retrains = "It trains a model and promotes it if that is good enough."
    else:
        retrains = "It trains nothing."
    when = f"{str(spec.cron_setting).upper()} says when (UTC); RECO_SCHEDULES=on turns it on."
    return f"{spec.description} {retrains} {when}"


def schedules(settings: Settings) -> Sequence[dg.ScheduleDefinition]:
    """One schedule per pipeline with a cron; UTC, running where RECO_SCHEDULES says so."""
    status = dg.DefaultScheduleStatus.RUNNING if settings.schedules.switch == "on" else dg.DefaultScheduleStatus.STOPPED
    return [
        dg.ScheduleDefinition(
            name=f"{spec.name}_schedule",
            description=said_of(spec),
            job_name=spec.name,
            cron_schedule=cron,
            execution_timezone="UTC",
            default_status=status,
        )
        for spec in SPECS
        if (cron := cron_of(spec, settings))
    ]

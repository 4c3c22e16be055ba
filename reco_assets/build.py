"""Composition, and nothing else: which assets, checks, jobs, schedules and resources make the code location."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from drift_sensors.alerts import alert_sensors
from drift_sensors.ghost_runs import ghost_run_sensor
from drift_sensors.history import history_sensor
from drift_sensors.landing import landing_sensor
from drift_sensors.retrain import retrain_sensor
from reco_assets.bronze import assets as bronze
from reco_assets.drift import assets as drift
from reco_assets.first_line import announced
from reco_assets.freshness import with_freshness
from reco_assets.gold import assets as gold
from reco_assets.maintenance import assets as maintenance
from reco_assets.models import assets as models
from reco_assets.pipelines.jobs import JOBS
from reco_assets.pipelines.schedules import schedules
from reco_assets.quality import assets as quality
from reco_assets.quality import etl_report as report
from reco_assets.quality import evidently
from reco_assets.silver import assets as silver
from reco_assets.split import assets as split_tables
from reco_assets.streaming import assets as streaming
from reco_assets.tables import DECLARED
from resources import resources_for
from resources.settings import Settings, load_settings

ASSET_MODULES = (bronze, silver, report, split_tables, streaming, drift, models, gold, quality, evidently, maintenance)


def build_definitions(
    settings: Settings | None = None, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Everything Dagster knows of the platform. Raises `SettingsError` on a bad environment variable."""
    settings = settings or load_settings()
    resources = resources_for(settings, DECLARED)
    resources["lakehouse"] = announced(resources["lakehouse"])
    return dg.Definitions(
        assets=with_freshness(dg.load_assets_from_modules(ASSET_MODULES), settings),
        asset_checks=quality.TABLE_CHECKS,
        jobs=list(JOBS.values()),
        schedules=schedules(settings),
        sensors=[
            landing_sensor(settings),
            retrain_sensor(settings),
            ghost_run_sensor(),
            history_sensor(settings.maintenance.run_history_days),
            *alert_sensors(settings),
        ],
        resources={**resources, **(resource_overrides or {})},
        executor=dg.in_process_executor,  # one engine session for the run; multiprocess: 76 s against 27 s on Spark
    )

"""Composition, and nothing else: which assets, checks, jobs, schedules and resources make the code location."""

import warnings
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from drift_sensors.alerts import alert_sensors
from drift_sensors.ghost_runs import ghost_run_sensor
from drift_sensors.history import history_sensor
from drift_sensors.landing import landing_sensor
from drift_sensors.retrain import retrain_sensor
from drift_sensors.slas import sla_sensor
from reco_assets.bronze import assets as bronze
from reco_assets.drift import assets as drift
from reco_assets.events.extraction import assets as events
from reco_assets.events.simulation import assets as simulation
from reco_assets.experiments import assets as experiments
from reco_assets.features import assets as features
from reco_assets.gold import assets as gold
from reco_assets.gold.previews import PREVIEWS
from reco_assets.maintenance import assets as maintenance
from reco_assets.models.assets import model_assets
from reco_assets.models.families import FAMILIES
from reco_assets.models.judging.assets import metrics
from reco_assets.owners import OWNERS
from reco_assets.pipelines.jobs import SPECS, asset_jobs
from reco_assets.pipelines.schedules import schedules
from reco_assets.pipelines.selections import STREAM
from reco_assets.quality import assets as quality
from reco_assets.rules.assets import RULE_CHECKS, RULES_TABLE
from reco_assets.runner.taken import announced, begun
from reco_assets.serving.assets import PARITY_CHECKS
from reco_assets.silver import assets as silver
from reco_assets.split import assets as split_tables
from reco_assets.streaming import assets as streaming
from reco_assets.tables import DECLARED
from resources import resources_for
from resources.io_managers import COLUMN_SCHEMA
from resources.settings import Settings, load_settings

ASSET_MODULES = (
    simulation,
    events,
    bronze,
    silver,
    split_tables,
    streaming,
    features,
    drift,
    gold,
    experiments,
    quality,
    maintenance,
)

_WARN_AT = 2 / 3  # of 36 hours: when a daily run is missed


def build_definitions(
    settings: Settings | None = None, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Everything Dagster knows of the platform. Raises `SettingsError` on a bad environment variable."""
    settings = settings or load_settings()
    resources = resources_for(settings, DECLARED, PREVIEWS)
    resources["lakehouse"] = announced(resources["lakehouse"])
    resources["mlflow"] = begun(resources["mlflow"])
    jobs = asset_jobs([key for checks in quality.TABLE_CHECKS for key in checks.check_keys])
    return dg.Definitions(
        assets=_shown(_assets(), settings),
        asset_checks=[
            *quality.TABLE_CHECKS,
            *split_tables.SPLIT_CHECKS,
            *gold.GOLD_CHECKS,
            *PARITY_CHECKS,
            *RULE_CHECKS,
        ],
        jobs=list(jobs.values()),
        schedules=schedules(settings),
        sensors=[
            landing_sensor(settings, jobs),
            retrain_sensor(settings, jobs),
            ghost_run_sensor(settings.storage.root),
            sla_sensor(settings, SPECS),
            history_sensor(settings.maintenance.run_history_days),
            *alert_sensors(settings),
        ],
        resources={**resources, **(resource_overrides or {})},
        executor=dg.in_process_executor,  # one engine session for the run; multiprocess: 76 s against 27 s on Spark
    )


def _assets() -> list[Any]:
    of_families = [asset for family in FAMILIES for asset in model_assets(family)]
    return [*dg.load_assets_from_modules(ASSET_MODULES), *of_families, metrics, RULES_TABLE]


def _shown(assets: Sequence[Any], settings: Settings) -> Sequence[Any]:
    """The same assets with what Dagit shows of each by its layer, its table and its code."""
    silver_age, gold_age = _policy(settings.schedules.silver_fresh_hours), _policy(settings.schedules.gold_fresh_hours)
    ages = {"silver": silver_age, "splits": silver_age, "gold": gold_age}

    def shown(spec: dg.AssetSpec) -> dg.AssetSpec:
        name, group = spec.key.to_user_string(), str(spec.group_name)
        table = DECLARED.get(name)
        columns = {COLUMN_SCHEMA: quality.columns_of(table)} if table else {}
        return spec.replace_attributes(
            owners=[OWNERS[group]] if group in OWNERS else [],
            kinds={*spec.kinds, spec.key.path[0]},  # the lineage names nodes by the last part of their keys alone
            metadata={**spec.metadata, **columns},
            freshness_policy=ages.get(group) if name not in STREAM else None,  # an intake comes when a file does
        )

    return dg.map_asset_specs(shown, _with_code(assets))


def _with_code(assets: Sequence[Any]) -> Sequence[Any]:
    """The same assets; Dagit offers to open the file of each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # 80 of them, of what Dagster makes by itself
        return dg.with_source_code_references(assets)


def _policy(hours: int) -> dg.FreshnessPolicy:
    age = timedelta(hours=hours)
    return dg.FreshnessPolicy.time_window(fail_window=age, warn_window=age * _WARN_AT)

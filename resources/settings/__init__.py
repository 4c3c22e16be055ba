"""Every environment variable of the platform, typed: groups of names, types, defaults and limits.

A group is the configuration that its room takes, and stands in its own module. What doesn't belong here: anything that
acts on them.
"""

import os
from collections.abc import Mapping
from typing import Any, Self, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from resources.errors import RecoError
from resources.paths.addresses import unusable
from resources.settings.costs import CostSettings
from resources.settings.drift import DriftSettings
from resources.settings.engine import EngineSettings
from resources.settings.events import EventSettings
from resources.settings.experiments import ExperimentSettings
from resources.settings.features import FeatureSettings
from resources.settings.group import Group
from resources.settings.lists import ListSettings
from resources.settings.logs import LogSettings
from resources.settings.maintenance import MaintenanceSettings
from resources.settings.outside import AirflowSettings, AlertSettings, MailSettings, MlflowSettings
from resources.settings.quality import QualitySettings
from resources.settings.schedules import ScheduleSettings
from resources.settings.serving import ServingSettings
from resources.settings.source import SourceSettings, SyntheticSettings
from resources.settings.split import SplitSettings
from resources.settings.storage import StorageSettings
from resources.settings.streaming import SensorSettings, StreamingSettings
from resources.settings.training import (
    AlsSettings,
    EaseSettings,
    JudgingSettings,
    NeuralSettings,
    RankingSettings,
    TrainingSettings,
)
from resources.settings.unknown_variables import explain, unknown_variables
from resources.text.masking import CHANNELS, MASK


class SettingsError(RecoError):
    """One line per bad variable: its name, what it was, what is allowed."""


class Settings(BaseModel):
    """The one settings object, in groups; `load_settings` makes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    storage: StorageSettings
    logs: LogSettings
    engine: EngineSettings
    source: SourceSettings
    synthetic: SyntheticSettings
    split: SplitSettings
    events: EventSettings
    features: FeatureSettings
    training: TrainingSettings
    als: AlsSettings
    ranking: RankingSettings
    ease: EaseSettings
    neural: NeuralSettings
    judging: JudgingSettings
    serving: ServingSettings
    lists: ListSettings
    experiments: ExperimentSettings
    streaming: StreamingSettings
    sensors: SensorSettings
    drift: DriftSettings
    quality: QualitySettings
    alerts: AlertSettings
    mail: MailSettings
    mlflow: MlflowSettings
    maintenance: MaintenanceSettings
    costs: CostSettings
    schedules: ScheduleSettings
    airflow: AirflowSettings

    @classmethod
    def groups(cls) -> dict[str, type[Group]]:
        """{name of a group: its type}."""
        return {name: kind for name, kind in get_type_hints(cls).items() if name in cls.model_fields}

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Settings from {environment variable: value}, defaults for the rest. Raises `SettingsError`."""
        groups = {
            name: {variable: given[variable] for variable in group.variables() if variable in given}
            for name, group in cls.groups().items()
        }
        try:
            return cls.model_validate(groups)
        except ValidationError as error:
            # A variable that several groups have is refused by each.
            raise SettingsError("\n".join(dict.fromkeys(map(_explain, error.errors())))) from None

    def given(self) -> dict[str, Any]:
        """{environment variable: value} of what is not left to its default; `of` makes the same settings from it."""
        groups = [getattr(self, name) for name in self.groups()]
        return {
            variable: getattr(group, name)
            for group in groups
            for variable, (name, _) in group.variables().items()
            if name in group.model_fields_set
        }

    def changed(self, **variables: Any) -> Self:
        """The same settings but for some variables, named in lower case. Raises `SettingsError`."""
        return self.of(self.given() | {name.upper(): value for name, value in variables.items()})


# {environment variable: its field}, of all groups.
VARIABLES: Mapping[str, FieldInfo] = {
    variable: field for group in Settings.groups().values() for variable, (_, field) in group.variables().items()
}


def load_settings(**overrides: Any) -> Settings:
    """Read the environment. Raises `SettingsError`, also for variables that are misspelt.

    Args:
        overrides: Variables in lower case (`lakehouse_path`) with values that win over the environment.
    """
    wanted = {name.upper(): value for name, value in overrides.items()}
    given = os.environ | {name: "given" for name in overrides if name.upper() not in VARIABLES}
    if unknown := unknown_variables(given, VARIABLES.keys()):
        raise SettingsError("\n".join(explain(unknown)))
    settings = Settings.of({name.upper(): value for name, value in os.environ.items() if value} | wanted)
    _require_usable(settings)
    return settings


def _require_usable(settings: Settings) -> None:
    storage, experiments = settings.storage, settings.experiments
    delta = storage.format == "delta"
    if experiments.promotion_waits == "experiment" and not experiments.share:
        raise SettingsError(
            "PROMOTION_WAITS=experiment needs EXPERIMENT_SHARE, the share of users who get the challenger's lists."
        )
    if storage.tables_uri and not delta:
        raise SettingsError(
            "LAKEHOUSE_TABLES_URI needs STORAGE_FORMAT=delta: parquet tables are replaced by renaming, which object "
            "storage has not."
        )
    if storage.tables_uri and settings.engine.name == "spark" and settings.engine.remote:
        raise SettingsError(
            "LAKEHOUSE_TABLES_URI and SPARK_REMOTE don't go together: a Connect server commits to S3 by a log store of "
            "its own. Use SPARK_MASTER instead, or RECO_ENGINE=embedded."
        )
    if defect := unusable(storage.root, delta=delta):
        other = ", or set STORAGE_FORMAT=parquet" if delta and not unusable(storage.root, delta=False) else ""
        raise SettingsError(f"LAKEHOUSE_PATH: {defect}{other}.")
    if (lake := settings.events.lake) and (defect := unusable(lake, delta=True)):
        raise SettingsError(f"DATA_LAKE_PATH: {defect}.")
    if defect := unusable(storage.landing, delta=False):
        raise SettingsError(f"STREAMING_PATH: {defect}.")


def _explain(detail: Any) -> str:
    variable = str(detail["loc"][1])
    rule = detail["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    if detail["type"] != "finite_number":
        rule = _number_rule(VARIABLES[variable]) or rule
    shown = MASK if variable == CHANNELS else repr(detail["input"])
    return f"{variable}={shown} is not allowed: it must be {rule}."


def _number_rule(field: FieldInfo) -> str | None:
    """Everything a number must be, whichever part of it was broken; None for what has no limits, or is not a number."""
    kinds: dict[Any, str] = {int: "a whole number", float: "a number"}
    words = {"ge": "of at least", "gt": "greater than", "le": "at most", "lt": "less than"}
    limits = [f"{text} {getattr(m, key)}" for m in field.metadata for key, text in words.items() if hasattr(m, key)]
    kind = kinds.get(field.annotation)
    return f"{kind} {' and '.join(limits)}" if kind and limits else None

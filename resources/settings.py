"""Every environment variable of the platform, typed, in one place.

What belongs here: names, types, defaults and limits. What doesn't: anything that acts on them.
"""

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from resources.addresses import unusable
from resources.errors import RecoError
from resources.unknown_variables import explain, unknown_variables

EngineName = Literal["embedded", "spark"]
SourceName = Literal["movielens", "netflix", "presplit", "synthetic"]
SplitStrategy = Literal["per_user", "global", "random"]
DriftPolicy = Literal["documented", "calibrated"]


def _is_one_name(value: str) -> str:
    if "/" in value or "\0" in value or value in (".", ".."):
        raise ValueError("one name without '/', as a file is named after it")
    return value


def _can_be_registered(value: str) -> str:
    """MLflow refuses '/' and ':' after the training; a quote would end its searches by name."""
    if not re.fullmatch(r"[\w.-]([\w. -]{0,254}[\w.-])?", value):
        raise ValueError("a name of letters, digits, '.', '_', '-' and spaces inside, as MLflow registers models by it")
    return value


def without_scheme(value: Any) -> Any:
    """A path as it came. Raises `ValueError` for a URL, which would be taken for a folder of that name."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/|(?i:s3[an]?|gs|abfss?|wasbs?|hdfs|file):", str(value)):
        raise ValueError("a path of this machine or of a file system mounted here; URLs are not supported")
    return value


def _in_a_known_home(value: Any) -> Any:
    """A path as it came. Raises `ValueError` where it begins with `~` and a user that this machine doesn't know."""
    try:
        Path(str(value)).expanduser()
    except RuntimeError:
        raise ValueError("a path; the user after its '~' is not known on this machine") from None
    return value


Name = Annotated[str, AfterValidator(_is_one_name)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[int, Field(ge=1)]


class SettingsError(RecoError):
    """One line per bad variable: its name, what it was, what is allowed."""


class Settings(BaseSettings):
    """The one settings object. Field names are the environment variables in lower case."""

    # Defaults are not validated: the cron rule would import Dagster, 0.7 s that `reco run --function` has no need of.
    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, allow_inf_nan=False, validate_default=False
    )

    lakehouse_path: Path = Path("data")
    workspace: Path | None = None
    publish_paths: Literal["on", "off"] = "off"
    storage_format: Literal["delta", "parquet"] = "delta"
    reco_engine: Literal["auto", "embedded", "spark"] = "auto"
    reco_source: SourceName | None = None
    reco_source_path: Path | None = None
    reco_replace_source: Literal["on", "off"] = "off"
    reco_seed: Annotated[int, Field(ge=0, lt=2**31)] = 42
    reco_cache_path: Path = Path("~/.cache/reco-assets")

    lock_timeout_seconds: Annotated[float, Field(gt=0.0)] = 3600.0

    spark_master: str | None = None
    spark_remote: SecretStr | None = None
    spark_driver_memory: str = "4g"
    spark_shuffle_partitions: Positive | None = None

    synthetic_users: Positive = 600
    synthetic_movies: Positive = 2_000
    synthetic_ratings: Positive = 60_000

    split_strategy: SplitStrategy = "per_user"
    test_fraction: Fraction = 0.2
    future_fraction: Fraction = 0.05

    training_lookback_days: Positive | None = None
    model_registry_name: Annotated[str, AfterValidator(_can_be_registered)] = "reco_als"

    als_rank: Annotated[int, Field(ge=1, le=1024)] = 50
    als_max_iter: Positive = 10
    als_reg_param: Annotated[float, Field(gt=0.0)] = 0.1
    als_cold_start_strategy: Literal["drop", "nan"] = "drop"
    ranking_rank: Annotated[int, Field(ge=1, le=1024)] = 64
    ranking_max_iter: Positive = 10
    ranking_reg_param: Annotated[float, Field(gt=0.0)] = 0.1
    ranking_alpha: Annotated[float, Field(gt=0.0)] = 0.75
    ranking_like_threshold: Annotated[float, Field(ge=0.5, le=5.0)] = 3.5
    top_n: Annotated[int, Field(ge=1, le=1000)] = 10
    evaluation_k: Annotated[int, Field(ge=1, le=1000)] = 10
    rating_threshold: Annotated[float, Field(ge=0.5, le=5.0)] = 4.0
    promotion_bootstrap_samples: Annotated[int, Field(ge=199, le=100_000)] = 999

    streaming_path: Path | None = None
    stream_train_ratio: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.8
    intake_max_files: Positive = 1000
    intake_quiet_seconds: Annotated[int, Field(ge=0, le=86_400)] = 10
    intake_alert_seconds: Annotated[int, Field(ge=0)] = 300
    sensor_interval_seconds: Positive = 5
    run_max_attempts: Positive = 3
    run_backoff_seconds: Annotated[int, Field(ge=0)] = 30

    drift_policy: DriftPolicy = "documented"
    drift_threshold: Annotated[float, Field(gt=0.0)] = 1.0
    drift_combine: Literal["max", "mean"] = "max"
    drift_kl_threshold: Annotated[float, Field(gt=0.0)] = 0.1
    drift_mean_threshold: Annotated[float, Field(gt=0.0)] = 0.2
    drift_median_threshold: Annotated[float, Field(gt=0.0)] = 0.5
    drift_kl_weight: Share = 0.5
    drift_mean_weight: Share = 0.3
    drift_median_weight: Share = 0.2
    drift_min_window_rows: Positive = 3_000
    drift_min_warm_pairs: Positive = 200
    drift_min_users: Positive = 30
    drift_p_value: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.01
    drift_bootstrap_samples: Annotated[int, Field(ge=199, le=100_000)] = 999
    drift_rmse_trigger: Annotated[float, Field(gt=0.0)] | None = None
    drift_cooldown_seconds: Annotated[int, Field(ge=0)] = 0

    quarantine_max_share: Share = 0.05
    quality_psi_threshold: Annotated[float, Field(gt=0.0)] = 0.2
    quality_js_threshold: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    quality_max_ratings_per_day: Positive = 2_880
    quality_iqr_factor: Annotated[float, Field(gt=0.0)] = 3.0

    slack_bot_token: SecretStr | None = None
    slack_channel: str | None = None
    slack_api_url: SecretStr | None = None

    mlflow_tracking_uri: SecretStr | None = None
    mlflow_timeout_seconds: Annotated[float, Field(gt=0.0, le=60.0)] = 3.0

    silver_fresh_hours: Positive = 36
    gold_fresh_hours: Positive = 36
    maintenance_retention_hours: Positive = 168
    model_versions_kept: Positive | None = None
    archived_files_kept: Annotated[int, Field(ge=100)] = 100_000
    receipt_files_kept: Annotated[int, Field(ge=100)] = 10_000
    drift_reports_kept: Annotated[int, Field(ge=10)] = 1_000
    run_history_days: Annotated[int, Field(ge=1)] = 30

    reco_web_hosts: str = ""  # other names of the web server, comma separated
    reco_schedules: Literal["on", "off"] = "off"
    reco_pipeline_cron: str = "0 0 * * *"
    etl_train_test_pipeline_cron: str = ""
    drift_detection_retrain_pipeline_cron: str = "0 0 * * *"
    ml_pipeline_dag_cron: str = "0 0 * * 0"
    data_validation_dag_cron: str = "0 0 * * *"
    model_retraining_dag_cron: str = ""
    lakehouse_maintenance_cron: str = "0 3 * * 0"

    airflow_ctx_dag_id: Name | None = None
    airflow_ctx_dag_run_id: Name | None = None
    airflow_ctx_task_id: Name | None = None
    airflow_ctx_try_number: str | None = None
    reco_results_path: Path | None = None
    reco_drift_report: Name | None = None

    @field_validator(
        "reco_pipeline_cron",
        "etl_train_test_pipeline_cron",
        "drift_detection_retrain_pipeline_cron",
        "ml_pipeline_dag_cron",
        "data_validation_dag_cron",
        "model_retraining_dag_cron",
        "lakehouse_maintenance_cron",
    )
    @classmethod
    def _cron_is_valid(cls, value: str) -> str:
        import dagster as dg

        if not value:
            return value
        try:
            dg.ScheduleDefinition(job_name="any", cron_schedule=value)
        except dg.DagsterInvalidDefinitionError:
            raise ValueError("a cron expression of five fields such as '0 2 * * *'") from None
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _paths_are_no_urls(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[info.field_name or ""].annotation
        return _in_a_known_home(without_scheme(value)) if Path in (kind, *get_args(kind)) else value

    @field_validator("spark_driver_memory")
    @classmethod
    def _memory_has_a_unit(cls, value: str) -> str:
        if not re.fullmatch(r"[1-9][0-9]*[kmgt]", value, re.IGNORECASE):
            raise ValueError("a size with its unit such as '4g' or '512m'")
        return value

    @cached_property
    def engine(self) -> EngineName:
        """`auto` is `spark` where a master or remote is configured or the code runs under spark-submit."""
        if self.reco_engine != "auto":
            return self.reco_engine
        submitted = "PYSPARK_GATEWAY_PORT" in os.environ
        return "spark" if submitted or self.spark_master or self.spark_remote else "embedded"

    @property
    def replaces_source(self) -> bool:
        """Whether a run may replace what the lakehouse was loaded from by another source."""
        return self.reco_replace_source == "on"

    @cached_property
    def root(self) -> Path:
        """The lakehouse as an absolute path."""
        return self.lakehouse_path.expanduser().resolve()

    @cached_property
    def workspace_folder(self) -> Path:
        """What the documents call /workspace, as an absolute path: by default the folder that the lakehouse lies in."""
        return self.workspace.expanduser().resolve() if self.workspace else self.root.parent

    @cached_property
    def landing(self) -> Path:
        """The streaming folder, where CSV files with new ratings land, as an absolute path."""
        return self.streaming_path.expanduser().resolve() if self.streaming_path else self.root / "streaming"

    @cached_property
    def cache(self) -> Path:
        """Where downloaded JARs and archives are kept."""
        return self.reco_cache_path.expanduser().resolve()

    def split_policy(self) -> str:
        """Names a split completely; two runs with the same policy keep every pair on its side."""
        policy = f"{self.split_strategy}:test={self.test_fraction:g}:future={self.future_fraction:g}"
        return f"{policy}:seed={self.reco_seed}" if self.split_strategy == "random" else policy


def load_settings(**overrides: Any) -> Settings:
    """Read the environment; keyword arguments win over it. Raises `SettingsError`, also for variables misspelt."""
    known = frozenset(name.upper() for name in Settings.model_fields)
    given = os.environ | {name: "given" for name in overrides if name.upper() not in known}
    if unknown := unknown_variables(given, known):
        raise SettingsError("\n".join(explain(unknown)))
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(detail) for detail in error.errors())) from None
    _require_usable(settings)
    return settings


def _require_usable(settings: Settings) -> None:
    delta = settings.storage_format == "delta"
    if defect := unusable(settings.root, delta=delta):
        other = ", or set STORAGE_FORMAT=parquet" if delta and not unusable(settings.root, delta=False) else ""
        raise SettingsError(f"LAKEHOUSE_PATH: {defect}{other}.")
    if defect := unusable(settings.landing, delta=False):
        raise SettingsError(f"STREAMING_PATH: {defect}.")


def _explain(detail: Any) -> str:
    name = str(detail["loc"][0])
    rule = detail["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    if detail["type"] != "finite_number":
        rule = _number_rule(Settings.model_fields[name]) or rule
    return f"{name.upper()}={detail['input']!r} is not allowed: it must be {rule}."


def _number_rule(field: FieldInfo) -> str | None:
    """Everything a number must be, whichever part of it was broken; None for what is not a number."""
    kinds: dict[Any, str] = {int: "a whole number", float: "a number"}
    words = {"ge": "of at least", "gt": "greater than", "le": "at most", "lt": "less than"}
    limits = [f"{text} {getattr(m, key)}" for m in field.metadata for key, text in words.items() if hasattr(m, key)]
    kind = kinds.get(field.annotation)
    return kind and f"{kind} {' and '.join(limits)}"

"""The typed settings: defaults as documented, and one clear line for each bad value."""

import re
from pathlib import Path
from typing import Any

import pytest

from resources.settings import VARIABLES, Settings, SettingsError, load_settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"

DEFAULTS: dict[str, Any] = {
    "LAKEHOUSE_PATH": Path("data"),
    "LAKEHOUSE_TABLES_URI": None,
    "WORKSPACE": None,
    "PUBLISH_PATHS": "off",
    "STORAGE_FORMAT": "delta",
    "RECO_ENGINE": "auto",
    "RECO_SOURCE": None,
    "RECO_SOURCE_PATH": None,
    "RECO_COLUMNS": None,
    "RECO_REPLACE_SOURCE": "off",
    "RECO_LOG_FORMAT": "colored",
    "RECO_SEED": 42,
    "RECO_CACHE_PATH": Path("~/.cache/reco-assets"),
    "LOCK_TIMEOUT_SECONDS": 3600.0,
    "SPARK_MASTER": None,
    "SPARK_REMOTE": None,
    "SPARK_DRIVER_MEMORY": "4g",
    "SPARK_EXECUTOR_MEMORY": None,
    "SPARK_EXECUTOR_CORES": None,
    "SPARK_CORES_MAX": None,
    "SPARK_DYNAMIC_ALLOCATION": "off",
    "SPARK_CONF": {},
    "SPARK_SHUFFLE_PARTITIONS": None,
    "SPARK_IN_MEMORY_ROWS": 5_000_000,
    "SPLIT_STRATEGY": "per_user",
    "TEST_FRACTION": 0.2,
    "FUTURE_FRACTION": 0.05,
    "TRAINING_LOOKBACK_DAYS": None,
    "MODEL_REGISTRY_NAME": "reco_als",
    "ALS_RANK": 50,
    "ALS_MAX_ITER": 10,
    "ALS_REG_PARAM": 0.1,
    "ALS_COLD_START_STRATEGY": "drop",
    "RANKING_RANK": 64,
    "RANKING_MAX_ITER": 10,
    "RANKING_REG_PARAM": 0.1,
    "RANKING_ALPHA": 0.75,
    "RANKING_LIKE_THRESHOLD": 3.5,
    "RANKING_MODEL": "auto",
    "EASE_REG_PARAM": 200.0,
    "EASE_RANK": 128,
    "EASE_MAX_MOVIES": 5_000,
    "KAFKA_BOOTSTRAP_SERVERS": None,
    "DATA_LAKE_PATH": None,
    "EVENTS_TOPIC_PREFIX": "reco.",
    "EVENTS_MAX_PER_RUN": 1_000_000,
    "EVENTS_POLL_SECONDS": 5.0,
    "EVENTS_SIMULATE": "auto",
    "TRENDING_HALF_LIFE_DAYS": 7.0,
    "FEATURE_STORE_PATH": None,
    "FEATURE_VERSIONS_KEPT": 5,
    "NCF_FACTORS": 32,
    "NCF_LEARNING_RATE": 0.002,
    "NCF_L2": 1e-3,
    "NCF_DROPOUT": 0.2,
    "NCF_BATCH_SIZE": 2048,
    "NCF_MAX_EPOCHS": 60,
    "NCF_PATIENCE": 4,
    "NCF_NEGATIVES": 8,
    "NCF_FEATURES": "on",
    "NCF_MIN_AUC": 0.75,
    "NCF_MIN_NDCG": 0.50,
    "NCF_MIN_HIT_RATE": 0.40,
    "NCF_POPULARITY_FACTOR": 1.1,
    "NCF_REGISTRY_NAME": "reco_ncf",
    "COST_PER_CPU_HOUR": None,
    "COST_HISTORY_DAYS": 365,
    "SMTP_HOST": None,
    "SMTP_PORT": 25,
    "SMTP_USER": None,
    "SMTP_PASSWORD": None,
    "SMTP_STARTTLS": "off",
    "ALERT_EMAIL_FROM": "reco-assets@localhost",
    "ALERT_EMAIL_TO": "ml-platform-alerts@example.com",
    "TOP_N": 10,
    "RECOMMEND_MOST_PER_GENRE": 0,
    "RECOMMEND_LEAST_RATINGS": 0,
    "RECOMMEND_DIVERSITY": 0.0,
    "RECOMMEND_NEW_MOVIES_SHARE": 0.0,
    "EVALUATION_K": 10,
    "RATING_THRESHOLD": 4.0,
    "PROMOTION_BOOTSTRAP_SAMPLES": 999,
    "PROMOTION_WAITS": "off",
    "EXPERIMENT_SHARE": 0.0,
    "EXPERIMENT_DAYS": 28,
    "EXPERIMENT_WINDOW_DAYS": 7.0,
    "EXPERIMENT_LIKED": 4.0,
    "EXPERIMENT_MIN_USERS": 100,
    "EXPERIMENT_ALPHA": 0.05,
    "MLFLOW_TRACKING_URI": None,
    "MLFLOW_TIMEOUT_SECONDS": 3.0,
    "QUARANTINE_MAX_SHARE": 0.05,
    "QUALITY_PSI_THRESHOLD": 0.2,
    "QUALITY_JS_THRESHOLD": 0.1,
    "QUALITY_MAX_RATINGS_PER_DAY": 2_880,
    "QUALITY_IQR_FACTOR": 3.0,
    "SILVER_FRESH_HOURS": 36,
    "GOLD_FRESH_HOURS": 36,
    "MAINTENANCE_RETENTION_HOURS": 168,
    "MODEL_VERSIONS_KEPT": None,
    "ARCHIVED_FILES_KEPT": 100_000,
    "RECEIPT_FILES_KEPT": 10_000,
    "DRIFT_REPORTS_KEPT": 1_000,
    "RUN_HISTORY_DAYS": 30,
    "EXPOSURES_KEPT_DAYS": 400,
    "RECO_SCHEDULES": "off",
    "RECO_WEB_HOSTS": "",
    "RECO_PIPELINE_CRON": "0 0 * * *",
    "ETL_TRAIN_TEST_PIPELINE_CRON": "",
    "ML_PIPELINE_DAG_CRON": "0 0 * * 0",
    "DATA_VALIDATION_DAG_CRON": "0 0 * * *",
    "MODEL_RETRAINING_DAG_CRON": "",
    "MOVIE_RECOMMENDER_PIPELINE_CRON": "0 2 * * *",
    "MODEL_TRAINING_DAG_CRON": "",
    "EXPERIMENT_LOOK_CRON": "0 4 * * *",
    "LAKEHOUSE_MAINTENANCE_CRON": "0 3 * * 0",
    "SYNTHETIC_USERS": 600,
    "SYNTHETIC_MOVIES": 2_000,
    "SYNTHETIC_RATINGS": 60_000,
    "STREAMING_PATH": None,
    "STREAM_TRAIN_RATIO": 0.8,
    "INTAKE_MAX_FILES": 1000,
    "INTAKE_QUIET_SECONDS": 10,
    "INTAKE_ALERT_SECONDS": 300,
    "SENSOR_INTERVAL_SECONDS": 5,
    "RUN_MAX_ATTEMPTS": 3,
    "RUN_BACKOFF_SECONDS": 30,
    "DRIFT_POLICY": "documented",
    "DRIFT_THRESHOLD": 1.0,
    "DRIFT_COMBINE": "max",
    "DRIFT_KL_THRESHOLD": 0.1,
    "DRIFT_MEAN_THRESHOLD": 0.2,
    "DRIFT_MEDIAN_THRESHOLD": 0.5,
    "DRIFT_KL_WEIGHT": 0.5,
    "DRIFT_MEAN_WEIGHT": 0.3,
    "DRIFT_MEDIAN_WEIGHT": 0.2,
    "DRIFT_MIN_WINDOW_ROWS": 3_000,
    "DRIFT_MIN_WARM_PAIRS": 200,
    "DRIFT_MIN_USERS": 30,
    "DRIFT_P_VALUE": 0.01,
    "DRIFT_BOOTSTRAP_SAMPLES": 999,
    "DRIFT_RMSE_TRIGGER": None,
    "DRIFT_UNKNOWN_USERS_TRIGGER": None,
    "DRIFT_UNKNOWN_MOVIES_TRIGGER": None,
    "DRIFT_VOLUME_TRIGGER": None,
    "DRIFT_AGE_TRIGGER_DAYS": None,
    "DRIFT_COOLDOWN_SECONDS": 0,
    "DRIFT_DETECTION_RETRAIN_PIPELINE_CRON": "0 0 * * *",
    "SLACK_BOT_TOKEN": None,
    "SLACK_CHANNEL": None,
    "SLACK_API_URL": None,
    "ALERT_URLS": None,
    "ALERTS_DIGEST_HOUR": None,
    "AIRFLOW_CTX_DAG_ID": None,
    "AIRFLOW_CTX_DAG_RUN_ID": None,
    "AIRFLOW_CTX_TASK_ID": None,
    "AIRFLOW_CTX_TRY_NUMBER": None,
    "RECO_RESULTS_PATH": None,
    "RECO_DRIFT_REPORT": None,
}


def read(settings: Settings, variable: str) -> Any:
    """What the settings say of a variable, wherever it stands in them."""
    groups = [getattr(settings, name) for name in settings.groups()]
    values = [getattr(group, group.variables()[variable][0]) for group in groups if variable in group.variables()]
    assert all(value == values[0] for value in values), "groups that have the same variable read it alike"
    return values[0]


SPARKS_OWN = "Spark's own settings, as 'spark.a=1;spark.b=2' or as a JSON object, all named 'spark.…'"
BAD = [
    ("EVENTS_TOPIC_PREFIX", "a/b", "one name without '/', as a file is named after it"),
    ("EVENTS_MAX_PER_RUN", "0", "a whole number of at least 1"),
    ("EVENTS_SIMULATE", "yes", "'auto', 'on' or 'off'"),
    ("EVENTS_POLL_SECONDS", "0", "a number greater than 0.0"),
    ("TRENDING_HALF_LIFE_DAYS", "0", "a number greater than 0.0"),
    ("FEATURE_VERSIONS_KEPT", "0", "a whole number of at least 1"),
    ("NCF_FACTORS", "513", "a whole number of at least 1 and at most 512"),
    ("NCF_LEARNING_RATE", "0", "a number greater than 0.0"),
    ("NCF_L2", "-1", "a number of at least 0.0"),
    ("NCF_DROPOUT", "1", "a number of at least 0.0 and less than 1.0"),
    ("NCF_BATCH_SIZE", "0", "a whole number of at least 1"),
    ("NCF_MAX_EPOCHS", "0", "a whole number of at least 1"),
    ("NCF_PATIENCE", "0", "a whole number of at least 1"),
    ("NCF_NEGATIVES", "0", "a whole number of at least 1"),
    ("NCF_FEATURES", "yes", "'on' or 'off'"),
    ("NCF_MIN_AUC", "75", "a number of at least 0.0 and at most 1.0"),
    ("NCF_MIN_NDCG", "-0.5", "a number of at least 0.0 and at most 1.0"),
    ("NCF_MIN_HIT_RATE", "1.5", "a number of at least 0.0 and at most 1.0"),
    ("NCF_POPULARITY_FACTOR", "-1", "a number of at least 0.0"),
    ("PROMOTION_WAITS", "on", "'off' or 'experiment'"),
    ("EXPERIMENT_SHARE", "-1", "a share from 0.01 to 0.99, or 0 for no experiments"),
    ("EXPERIMENT_DAYS", "0", "a whole number of at least 1 and at most 365"),
    ("EXPERIMENT_WINDOW_DAYS", "-1", "a number of at least 0.0 and at most 365"),
    ("EXPERIMENT_LIKED", "0", "a number of at least 0.5 and at most 5.0"),
    ("EXPERIMENT_MIN_USERS", "0", "a whole number of at least 1"),
    ("EXPERIMENT_ALPHA", "0", "a number greater than 0.0 and at most 0.5"),
    ("EXPERIMENT_LOOK_CRON", "daily", "a cron expression of five fields such as '0 2 * * *'"),
    ("EXPOSURES_KEPT_DAYS", "365", "a whole number of at least 366"),
    ("COST_PER_CPU_HOUR", "0", "greater than 0"),
    ("COST_HISTORY_DAYS", "0", "a whole number of at least 1"),
    ("ALERTS_DIGEST_HOUR", "24", "less than or equal to 23"),
    ("SMTP_PORT", "0", "a whole number of at least 1 and at most 65535"),
    ("SMTP_STARTTLS", "yes", "'on' or 'off'"),
    ("LAKEHOUSE_TABLES_URI", "s3a://bucket/lake", "a bucket and a folder in it, such as 's3://bucket/lakehouse'"),
    ("STORAGE_FORMAT", "csv", "'delta' or 'parquet'"),
    ("RECO_ENGINE", "flink", "'auto', 'embedded' or 'spark'"),
    ("RECO_LOG_FORMAT", "text", "'colored' or 'json'"),
    ("RECO_REPLACE_SOURCE", "yes", "'on' or 'off'"),
    ("PUBLISH_PATHS", "yes", "'on' or 'off'"),
    ("RECO_SOURCE", "imdb", "'movielens', 'netflix', 'presplit', 'columns' or 'synthetic'"),
    ("RECO_SEED", "-1", "a whole number of at least 0 and less than 2147483648"),
    ("LOCK_TIMEOUT_SECONDS", "0", "a number greater than 0.0"),
    ("SPARK_DRIVER_MEMORY", "4096", "a size with its unit such as '4g' or '512m'"),
    ("SPARK_EXECUTOR_MEMORY", "8", "a size with its unit such as '4g' or '512m'"),
    ("SPARK_EXECUTOR_CORES", "0", "greater than or equal to 1"),
    ("SPARK_CORES_MAX", "0", "greater than or equal to 1"),
    ("SPARK_DYNAMIC_ALLOCATION", "true", "'on' or 'off'"),
    *(
        ("SPARK_CONF", text, SPARKS_OWN)
        for text in ("spark.a", "reco.a=1", '{"spark.a": ', "spark.a=1;=2", '{"spark.a": null}')
    ),
    (
        "SPARK_CONF",
        "spark.master=spark://other:7077",
        "without spark.master and spark.remote: those are SPARK_MASTER and SPARK_REMOTE",
    ),
    *(
        ("SPARK_MASTER", address, "a master such as 'spark://host:7077', 'yarn' or 'local[2]'")
        for address in ("localhost:7077", "spark://host", "http://host:8080", "local[two]", "local-cluster[2,1,1024]")
    ),
    ("SPARK_REMOTE", "host:15002", "the address of a Spark Connect server such as 'sc://host:15002'"),
    ("SPARK_SHUFFLE_PARTITIONS", "0", "greater than or equal to 1"),
    ("SPARK_IN_MEMORY_ROWS", "-1", "a whole number of at least 0"),
    ("SPLIT_STRATEGY", "by_movie", "'per_user', 'global' or 'random'"),
    ("TEST_FRACTION", "1", "a number of at least 0.0 and less than 1.0"),
    ("FUTURE_FRACTION", "a tenth", "a number of at least 0.0 and less than 1.0"),
    ("ALS_RANK", "fifty", "a whole number of at least 1 and at most 1024"),
    ("ALS_RANK", "2.5", "a whole number of at least 1 and at most 1024"),
    ("ALS_RANK", "0", "a whole number of at least 1 and at most 1024"),
    ("ALS_RANK", "1025", "a whole number of at least 1 and at most 1024"),
    ("ALS_MAX_ITER", "0", "a whole number of at least 1"),
    ("ALS_REG_PARAM", "0", "a number greater than 0.0"),
    ("ALS_REG_PARAM", "nan", "a finite number"),
    ("ALS_REG_PARAM", "inf", "a finite number"),
    ("ALS_COLD_START_STRATEGY", "zero", "'drop' or 'nan'"),
    ("RANKING_RANK", "many", "a whole number of at least 1 and at most 1024"),
    ("RANKING_MAX_ITER", "-3", "a whole number of at least 1"),
    ("RANKING_REG_PARAM", "-0.1", "a number greater than 0.0"),
    ("RANKING_ALPHA", "0", "a number greater than 0.0"),
    ("RANKING_MODEL", "svd", "'auto', 'als' or 'ease'"),
    ("EASE_REG_PARAM", "0", "a number greater than 0.0"),
    ("EASE_RANK", "2000", "a whole number of at least 1 and at most 1024"),
    ("EASE_MAX_MOVIES", "0", "a whole number of at least 1 and at most 50000"),
    ("RANKING_LIKE_THRESHOLD", "0.4", "a number of at least 0.5 and at most 5.0"),
    ("TOP_N", "1001", "a whole number of at least 1 and at most 1000"),
    ("RECOMMEND_MOST_PER_GENRE", "-1", "a whole number of at least 0"),
    ("RECOMMEND_LEAST_RATINGS", "few", "a whole number of at least 0"),
    ("RECOMMEND_DIVERSITY", "1", "a number of at least 0.0 and less than 1.0"),
    ("RECOMMEND_NEW_MOVIES_SHARE", "1.5", "a number of at least 0.0 and at most 1.0"),
    ("EVALUATION_K", "ten", "a whole number of at least 1 and at most 1000"),
    ("RATING_THRESHOLD", "5.5", "a number of at least 0.5 and at most 5.0"),
    ("MLFLOW_TIMEOUT_SECONDS", "61", "a number greater than 0.0 and at most 60.0"),
    ("RECO_PIPELINE_CRON", "at noon", "a cron expression of five fields such as '0 2 * * *'"),
    ("ETL_TRAIN_TEST_PIPELINE_CRON", "61 * * * *", "a cron expression of five fields such as '0 2 * * *'"),
    ("RECO_SCHEDULES", "yes", "'on' or 'off'"),
    ("PROMOTION_BOOTSTRAP_SAMPLES", "10", "a whole number of at least 199 and at most 100000"),
    ("QUARANTINE_MAX_SHARE", "5", "a number of at least 0.0 and at most 1.0"),
    ("QUALITY_PSI_THRESHOLD", "0", "a number greater than 0.0"),
    ("QUALITY_JS_THRESHOLD", "1.5", "a number greater than 0.0 and at most 1.0"),
    ("QUALITY_MAX_RATINGS_PER_DAY", "0", "a whole number of at least 1"),
    ("QUALITY_IQR_FACTOR", "-1", "a number greater than 0.0"),
    ("SILVER_FRESH_HOURS", "a day", "a whole number of at least 1"),
    ("GOLD_FRESH_HOURS", "0", "a whole number of at least 1"),
    ("MODEL_VERSIONS_KEPT", "0", "greater than or equal to 1"),
    ("ARCHIVED_FILES_KEPT", "99", "a whole number of at least 100"),
    ("RECEIPT_FILES_KEPT", "all", "a whole number of at least 100"),
    ("DRIFT_REPORTS_KEPT", "9", "a whole number of at least 10"),
    ("RUN_HISTORY_DAYS", "0", "a whole number of at least 1"),
    ("TRAINING_LOOKBACK_DAYS", "0", "greater than or equal to 1"),
    ("ML_PIPELINE_DAG_CRON", "weekly", "a cron expression of five fields such as '0 2 * * *'"),
    ("DATA_VALIDATION_DAG_CRON", "* *", "a cron expression of five fields such as '0 2 * * *'"),
    ("MODEL_RETRAINING_DAG_CRON", "on drift", "a cron expression of five fields such as '0 2 * * *'"),
    ("MOVIE_RECOMMENDER_PIPELINE_CRON", "2 am", "a cron expression of five fields such as '0 2 * * *'"),
    ("MODEL_TRAINING_DAG_CRON", "by hand", "a cron expression of five fields such as '0 2 * * *'"),
    ("LAKEHOUSE_MAINTENANCE_CRON", "0 25 * * *", "a cron expression of five fields such as '0 2 * * *'"),
    ("MAINTENANCE_RETENTION_HOURS", "0", "a whole number of at least 1"),
    ("SYNTHETIC_USERS", "0", "a whole number of at least 1"),
    ("SYNTHETIC_MOVIES", "x", "a whole number of at least 1"),
    ("SYNTHETIC_RATINGS", "1e4", "a whole number of at least 1"),
    ("STREAM_TRAIN_RATIO", "0", "a number greater than 0.0 and less than 1.0"),
    ("STREAM_TRAIN_RATIO", "1", "a number greater than 0.0 and less than 1.0"),
    ("INTAKE_MAX_FILES", "0", "a whole number of at least 1"),
    ("INTAKE_QUIET_SECONDS", "-1", "a whole number of at least 0 and at most 86400"),
    ("INTAKE_ALERT_SECONDS", "-1", "a whole number of at least 0"),
    ("SENSOR_INTERVAL_SECONDS", "0", "a whole number of at least 1"),
    ("RUN_MAX_ATTEMPTS", "none", "a whole number of at least 1"),
    ("RUN_BACKOFF_SECONDS", "-1", "a whole number of at least 0"),
    ("DRIFT_POLICY", "strict", "'documented', 'calibrated' or 'adaptive'"),
    ("DRIFT_THRESHOLD", "0", "a number greater than 0.0"),
    ("DRIFT_COMBINE", "sum", "'max' or 'mean'"),
    ("DRIFT_KL_THRESHOLD", "0", "a number greater than 0.0"),
    ("DRIFT_MEAN_THRESHOLD", "-0.2", "a number greater than 0.0"),
    ("DRIFT_MEDIAN_THRESHOLD", "half", "a number greater than 0.0"),
    ("DRIFT_KL_WEIGHT", "1.5", "a number of at least 0.0 and at most 1.0"),
    ("DRIFT_MEAN_WEIGHT", "-0.1", "a number of at least 0.0 and at most 1.0"),
    ("DRIFT_MEDIAN_WEIGHT", "nan", "a finite number"),
    ("DRIFT_MIN_WINDOW_ROWS", "0", "a whole number of at least 1"),
    ("DRIFT_MIN_WARM_PAIRS", "0", "a whole number of at least 1"),
    ("DRIFT_MIN_USERS", "0", "a whole number of at least 1"),
    ("DRIFT_P_VALUE", "1", "a number greater than 0.0 and less than 1.0"),
    ("DRIFT_BOOTSTRAP_SAMPLES", "99", "a whole number of at least 199 and at most 100000"),
    ("DRIFT_RMSE_TRIGGER", "0", "a number greater than 0, or 'off'"),
    ("DRIFT_UNKNOWN_USERS_TRIGGER", "nan", "a number greater than 0, or 'off'"),
    ("DRIFT_UNKNOWN_MOVIES_TRIGGER", "on", "a number greater than 0, or 'off'"),
    ("DRIFT_VOLUME_TRIGGER", "-1", "a number greater than 0, or 'off'"),
    ("DRIFT_AGE_TRIGGER_DAYS", "inf", "a number greater than 0, or 'off'"),
    ("DRIFT_COOLDOWN_SECONDS", "-1", "a whole number of at least 0"),
    ("DRIFT_DETECTION_RETRAIN_PIPELINE_CRON", "daily", "a cron expression of five fields such as '0 2 * * *'"),
    ("AIRFLOW_CTX_DAG_ID", "../dag", "one name without '/', as a file is named after it"),
    ("AIRFLOW_CTX_DAG_RUN_ID", "..", "one name without '/', as a file is named after it"),
    ("RECO_DRIFT_REPORT", "../report", "one name without '/', as a file is named after it"),
    ("AIRFLOW_CTX_TASK_ID", "a/b", "one name without '/', as a file is named after it"),
]


@pytest.fixture(autouse=True)
def _no_platform_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [*DEFAULTS, "PYSPARK_GATEWAY_PORT"]:
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(("variable", "default"), DEFAULTS.items())
def test_a_variable_that_is_not_set_has_its_documented_default(variable: str, default: Any) -> None:
    assert read(load_settings(), variable) == default


def test_no_setting_lacks_a_tested_default() -> None:
    assert VARIABLES.keys() == DEFAULTS.keys()


def test_the_page_of_settings_names_every_variable_with_the_default_it_has() -> None:
    documented = {}
    for line in PAGE.read_text().splitlines():
        if line.startswith("| `"):
            names, defaults = (re.findall(r"`([^`]+)`", cell) for cell in line.split("|")[1:3])
            # A dash or a phrase stands for "not set".
            documented |= dict(zip(names, defaults or [""] * len(names), strict=True))
    assert documented.keys() == DEFAULTS.keys()
    for name, text in documented.items():
        assert read(load_settings(**({name.lower(): text} if text else {})), name) == DEFAULTS[name]
        assert text or not DEFAULTS[name]


@pytest.mark.parametrize("variable", DEFAULTS)
def test_an_empty_variable_counts_as_not_set(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "")
    assert read(load_settings(), variable) == DEFAULTS[variable]


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("LAKEHOUSE_PATH", "lake", Path("lake")),
        ("RECO_SOURCE", "netflix", "netflix"),
        ("ALS_RANK", "1024", 1024),
        ("TEST_FRACTION", "0", 0.0),
        ("SPARK_DRIVER_MEMORY", "512M", "512M"),
        ("SPARK_CONF", " spark.a = b=1 ; spark.c=;", {"spark.a": "b=1", "spark.c": ""}),
        (
            "SPARK_CONF",
            '{"spark.a": true, "spark.b": 2, "spark.c": "x;y"}',
            {"spark.a": "true", "spark.b": "2", "spark.c": "x;y"},
        ),
        ("RECO_PIPELINE_CRON", "30 2 * * 1-5", "30 2 * * 1-5"),
    ],
)
def test_a_variable_is_read_from_the_environment(
    variable: str, text: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, text)
    assert read(load_settings(), variable) == value


def test_a_keyword_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALS_RANK", "8")
    assert load_settings(als_rank=16).als.rank == 16


@pytest.mark.parametrize(("variable", "value", "allowed"), BAD)
def test_a_bad_value_gets_one_line_with_variable_value_and_what_is_allowed(
    variable: str, value: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value) == f"{variable}={value!r} is not allowed: it must be {allowed}."


def test_every_variable_that_can_be_wrong_is_tried_with_a_bad_value() -> None:
    free = {
        "LAKEHOUSE_PATH",
        "WORKSPACE",
        "RECO_SOURCE_PATH",
        "RECO_COLUMNS",
        "RECO_CACHE_PATH",
        "KAFKA_BOOTSTRAP_SERVERS",
        "DATA_LAKE_PATH",
        "FEATURE_STORE_PATH",
        "NCF_REGISTRY_NAME",
        "SMTP_HOST",
        "SMTP_USER",
        "SMTP_PASSWORD",
        "ALERT_EMAIL_FROM",
        "ALERT_EMAIL_TO",
        "MLFLOW_TRACKING_URI",
        "STREAMING_PATH",
        "SLACK_BOT_TOKEN",
        "SLACK_CHANNEL",
        "MODEL_REGISTRY_NAME",
        "SLACK_API_URL",
        "ALERT_URLS",
        "AIRFLOW_CTX_TRY_NUMBER",
        "RECO_RESULTS_PATH",
        "RECO_WEB_HOSTS",
    }
    assert {variable for variable, _, _ in BAD} == DEFAULTS.keys() - free


def test_several_bad_values_get_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALS_RANK", "fifty")
    monkeypatch.setenv("TOP_N", "0")
    monkeypatch.setenv("STORAGE_FORMAT", "csv")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    lines = str(refused.value).splitlines()
    assert sorted(line.split("=")[0] for line in lines) == ["ALS_RANK", "STORAGE_FORMAT", "TOP_N"]


@pytest.mark.parametrize(
    ("other", "rule"),
    [
        ({"storage_format": "parquet"}, "LAKEHOUSE_TABLES_URI needs STORAGE_FORMAT=delta"),
        ({"spark_remote": "sc://host:15002"}, "LAKEHOUSE_TABLES_URI and SPARK_REMOTE don't go together"),
    ],
    ids=str,
)
def test_tables_on_object_storage_are_deltas_of_this_process(other: dict[str, str], rule: str) -> None:
    with pytest.raises(SettingsError, match=f"^{rule}"):
        load_settings(lakehouse_tables_uri="s3://bucket/lake", **other)


def test_auto_is_embedded_when_nothing_points_to_spark() -> None:
    assert load_settings().engine.name == "embedded"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SPARK_MASTER", "local[2]"), ("SPARK_REMOTE", "sc://host:15002"), ("PYSPARK_GATEWAY_PORT", "41001")],
)
def test_auto_is_spark_under_a_master_a_remote_or_spark_submit(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert load_settings().engine.name == "spark"


def test_a_named_engine_wins_over_what_auto_would_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_MASTER", "local[2]")
    assert load_settings(reco_engine="embedded").engine.name == "embedded"
    monkeypatch.delenv("SPARK_MASTER")
    assert load_settings(reco_engine="spark").engine.name == "spark"


def test_the_lakehouse_root_is_absolute_and_knows_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert load_settings(lakehouse_path="lake").storage.root == tmp_path / "lake"
    assert load_settings(lakehouse_path="~/lake").storage.root == tmp_path / "home" / "lake"
    assert load_settings().storage.cache == tmp_path / "home" / ".cache" / "reco-assets"


def test_the_landing_folder_is_the_streaming_path_or_lies_in_the_lakehouse(tmp_path: Path) -> None:
    assert load_settings(lakehouse_path=tmp_path).storage.landing == tmp_path / "streaming"
    assert load_settings(lakehouse_path=tmp_path, streaming_path=tmp_path / "in").storage.landing == tmp_path / "in"


def test_settings_that_are_printed_do_not_show_slacks_token() -> None:
    assert "xoxb-secret" not in f"{load_settings(slack_bot_token='xoxb-secret')!r}"


def test_a_split_policy_names_strategy_and_fractions() -> None:
    settings = load_settings(split_strategy="global", test_fraction=0.25, future_fraction=0)
    assert settings.split.policy() == "global:test=0.25:future=0"


def test_only_a_random_split_depends_on_the_seed() -> None:
    def policies(strategy: str) -> set[str]:
        return {load_settings(split_strategy=strategy, reco_seed=seed).split.policy() for seed in (1, 2)}

    assert len(policies("random")) == 2
    assert len(policies("per_user")) == len(policies("global")) == 1


PATHS = (
    "LAKEHOUSE_PATH",
    "WORKSPACE",
    "RECO_SOURCE_PATH",
    "RECO_CACHE_PATH",
    "STREAMING_PATH",
    "RECO_RESULTS_PATH",
    "DATA_LAKE_PATH",
    "FEATURE_STORE_PATH",
)


def test_the_settings_that_are_paths_are_all_tried_below() -> None:
    assert {name for name, field in VARIABLES.items() if "Path" in str(field.annotation)} == set(PATHS)


@pytest.mark.parametrize("variable", PATHS)
@pytest.mark.parametrize(
    "url", ["s3://bucket/lake", "s3a://bucket", "file:///lake", "HTTPS://host/lake", "hdfs:/lake", "s3:b"]
)
def test_a_path_that_is_a_url_is_refused_and_not_taken_for_a_folder(
    monkeypatch: pytest.MonkeyPatch, variable: str, url: str
) -> None:
    monkeypatch.setenv(variable, url)
    with pytest.raises(SettingsError, match=rf"^{variable}='{url}' is not allowed: it must be a path of this machine"):
        load_settings()


@pytest.mark.parametrize("variable", PATHS)
def test_a_path_below_the_home_of_nobody_is_refused_by_its_variables_name(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "~nobody-of-that-name/lake")
    with pytest.raises(
        SettingsError, match=rf"^{variable}='~nobody-of-that-name/lake' is not allowed: .* is not known"
    ):
        load_settings()


def test_a_path_may_have_a_colon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAKEHOUSE_PATH", f"{tmp_path}/a:/b")
    assert load_settings().storage.lakehouse_path == tmp_path / "a:" / "b"


@pytest.mark.parametrize("name", ["films", "reco als-2.0_x", "Фильмы", "x"])
def test_a_name_that_the_registry_takes_is_allowed(name: str) -> None:
    assert load_settings(model_registry_name=name).mlflow.registry_name == name


@pytest.mark.parametrize("name", ["a/b", "a:b", " ", "a'b", "a\nb", " a", "x" * 300, "../a"])
def test_a_name_that_the_registry_refuses_after_the_training_is_refused_before(name: str) -> None:
    with pytest.raises(SettingsError, match=r"^MODEL_REGISTRY_NAME=.* is not allowed: it must be a name of letters"):
        load_settings(model_registry_name=name)

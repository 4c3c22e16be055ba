"""A misspelt variable is refused with the name that was meant; other programs' variables are let be."""

import os
import re
from pathlib import Path

import pytest

from resources.settings import VARIABLES, SettingsError, load_settings
from resources.settings.unknown_variables import OTHERS, SHARED, unknown_variables

ROOT = Path(__file__).resolve().parents[2]
KNOWN = set(VARIABLES)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("RECO_SORCE_PATH", "RECO_SOURCE_PATH"),
        ("RECO_SOURCE_PAHT", "RECO_SOURCE_PATH"),
        ("RCEO_SOURCE", "RECO_SOURCE"),
        ("RECOSOURCE", "RECO_SOURCE"),
        ("reco_sorce", "RECO_SOURCE"),
        ("LAKEHOSE_PATH", "LAKEHOUSE_PATH"),
        ("ALS_RANKS", "ALS_RANK"),
        ("DRIFT_TRESHOLD", "DRIFT_THRESHOLD"),
        ("TEST_FRACTON", "TEST_FRACTION"),
        ("TOPN", "TOP_N"),
        ("MLFLOW_TRACKING_URL", "MLFLOW_TRACKING_URI"),
        ("SLACK_CHANEL", "SLACK_CHANNEL"),
        ("SPARK_MASTERS", "SPARK_MASTER"),
        ("MODEL_VERSION_KEPT", "MODEL_VERSIONS_KEPT"),
        ("LOCK_TIMEOUT", "LOCK_TIMEOUT_SECONDS"),
        ("SENSOR_INTERVAL", "SENSOR_INTERVAL_SECONDS"),
        ("SILVER_FRESH", "SILVER_FRESH_HOURS"),
        ("TEST_FRAC", "TEST_FRACTION"),
        ("EVAL_K", "EVALUATION_K"),
        ("RECO_PIPELINE", "RECO_PIPELINE_CRON"),
    ],
)
def test_a_misspelt_setting_is_refused_with_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch, variable: str, meant: str
) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(SettingsError, match=rf"^{variable} is no setting of the platform\. Did you mean {meant}\?$"):
        load_settings()


@pytest.mark.parametrize("variable", ["RECO_ZZZ_QQQ_XXX", "RECO_IMAGE"])
def test_what_is_like_no_setting_is_refused_below_a_prefix_of_ours(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(SettingsError, match=rf"{variable} is no setting of the platform\. Unset it"):
        load_settings()


def test_every_misspelt_variable_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALS_RNK", "1")
    monkeypatch.setenv("RECO_SEEDS", "1")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert [line.split()[0] for line in str(refused.value).splitlines()] == ["ALS_RNK", "RECO_SEEDS"]


FOREIGN = [
    *("SPARK_HOME", "SPARK_CONF_DIR", "SPARK_MASTER_HOST", "SPARK_LOCAL_IP", "SPARK_WORKER_MEMORY"),
    *("SPARK_DAEMON_MEMORY", "SPARK_APPS_PATH", "SPARK_CONN_ID", "PYSPARK_PYTHON"),
    *("MLFLOW_RUN_ID", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_REGISTRY_URI"),
    *("MLFLOW_EXPERIMENT_NAME", "MLFLOW_HTTP_REQUEST_TIMEOUT", "SLACK_APP_TOKEN", "SLACK_WEBHOOK_URL"),
    *("SLACK_CHANNEL_ID", "TOP_N_ITEMS", "LOCK_FILE", "TEST_ENV", "SPARK_VERSION"),
    *("AIRFLOW_HOME", "AIRFLOW_CTX_DAG_OWNER", "AIRFLOW_CTX_DAG_EMAIL", "AIRFLOW__CORE__DAGS_FOLDER"),
    *("RUN_LOCAL", "TEST_DATABASE", "MODEL_NAME", "STREAM_URL", "TOP_K", "WAREHOUSE_PATH", "MAINTENANCE_MODE"),
    *("RECO_SERVICE_HOST", "RECO_PORT", "RECO_PORT_80_TCP_ADDR", "DAGSTER_HOME", "POSTGRES_PASSWORD", "PATH", "HOME"),
    *("KAFKA_HOME", "KAFKA_HEAP_OPTS", "SMTP_SERVER", "FEATURE_FLAGS", "EVENTS_URL", "MOVIE_DB_KEY"),
    *("ALERT_EMAIL", "SIM_PATH", "JAVA_HOME", "OPENBLAS_NUM_THREADS"),
]


@pytest.mark.parametrize("variable", FOREIGN)
def test_other_programs_variables_are_let_be(variable: str) -> None:
    assert unknown_variables({variable: "1"}, KNOWN) == {}


@pytest.mark.parametrize("variable", sorted(KNOWN | OTHERS))
def test_no_variable_of_the_platform_is_refused(variable: str) -> None:
    assert unknown_variables({variable: "1", variable.lower(): "1"}, KNOWN) == {}


def test_a_variable_without_a_value_is_none() -> None:
    assert unknown_variables({"RECO_SORCE": ""}, KNOWN) == {}


def test_a_shared_prefix_is_one_that_a_setting_has() -> None:
    assert SHARED - {"LOCK"} <= {name.partition("_")[0] for name in KNOWN}


def test_a_misspelt_argument_of_load_settings_is_refused_too() -> None:
    with pytest.raises(SettingsError, match=r"reco_sorce is no setting .* Did you mean RECO_SOURCE\?"):
        load_settings(reco_sorce="netflix")


def test_every_variable_that_the_code_reads_by_itself_is_a_setting_or_named() -> None:
    read = re.compile(r"environ(?:\.get\(|\.setdefault\(|\[)\s*\"([A-Z_]+)\"|getenv\(\"([A-Z_]+)\"")
    ours = {name.partition("_")[0] for name in KNOWN} - SHARED
    for folder in ("resources", "reco_assets", "drift_sensors", "tools", "airflow", "bench"):
        for path in (ROOT / folder).rglob("*.py"):
            for found in read.finditer(path.read_text()):
                name = found[1] or found[2]
                assert name in KNOWN | OTHERS or name.partition("_")[0] not in ours, f"{path} reads {name}"


def test_nothing_around_this_test_is_refused() -> None:
    assert unknown_variables(os.environ, KNOWN) == {}

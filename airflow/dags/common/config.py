# Exported by `reco airflow export`.
"""Connections, paths and numbers of the DAGs; each environment variable named here can change its default.

The paths are the documents' own. The platform knows them as names of its tables and versions, so the documented
arguments run its assets; with PUBLISH_PATHS=on it keeps plain Parquet there for other programs.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from common.alerts import tell_of_failure
from common.spark_jars import delta_jar_conf

WORKSPACE = os.environ.get("WORKSPACE", "/workspace")
LAKEHOUSE_PATH = os.environ.get("LAKEHOUSE_PATH", f"{WORKSPACE}/data")
STREAMING_PATH = os.environ.get("STREAMING_PATH", f"{LAKEHOUSE_PATH}/streaming")
COMBINED_PATH = f"{LAKEHOUSE_PATH}/combined"
PROCESSED_PATH = f"{LAKEHOUSE_PATH}/processed/parquet"
TRAIN_PATH = f"{PROCESSED_PATH}/train"
TEST_PATH = f"{PROCESSED_PATH}/test"
FUTURE_CSV = f"{LAKEHOUSE_PATH}/processed/future.csv"
MODELS_PATH = f"{WORKSPACE}/models/artifacts"
RESULTS_PATH = f"{LAKEHOUSE_PATH}/airflow/results"
SPARK_APPS_PATH = os.environ.get("SPARK_APPS_PATH", f"{WORKSPACE}/spark/apps")
SIM_PATH = os.environ.get("SIM_PATH", f"{WORKSPACE}/sim")
RECO_COMMAND = os.environ.get("RECO_COMMAND", "reco")
# Those of movie_recommender_pipeline. Every task is told the first three: all must read the same events.
KAFKA_BOOTSTRAP_SERVERS = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")
DATA_LAKE_PATH = os.environ.get("DATA_LAKE_PATH", "/data/events")
FEATURE_STORE_PATH = os.environ.get("FEATURE_STORE_PATH", "/data/features/feature_store.duckdb")
MLFLOW_TRACKING_URI = os.environ.get("MLFLOW_TRACKING_URI", "http://localhost:5000")

K = 10
RATING_THRESHOLD = 4.0
TRAIN_RATIO = 0.8
SHUFFLE_PARTITIONS = 200

# The Dagster in whose queue assets are made and checked; None: each task makes its own, in a process beside it.
TRAINER_CONN_ID = None

# What spark-submit must know before the application starts; everything else the application sets itself.
SPARK_CONN_ID = "spark_default"
SPARK_CONF = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.driver.memory": os.environ.get("SPARK_DRIVER_MEMORY", "4g"),
    **delta_jar_conf(
        Path(os.environ.get("RECO_CACHE_PATH", "~/.cache/reco-assets")).expanduser(),
        ("io.delta:delta-spark_4.2_2.13:4.4.0", "io.delta:delta-storage:4.4.0"),
    ),
}

# What the platform must know wherever a task starts it.
RECO_ENVIRONMENT = {
    "WORKSPACE": WORKSPACE,
    "LAKEHOUSE_PATH": LAKEHOUSE_PATH,
    "STREAMING_PATH": STREAMING_PATH,
    "PUBLISH_PATHS": os.environ.get("PUBLISH_PATHS", "on"),
    "RECO_RESULTS_PATH": RESULTS_PATH,
    "KAFKA_BOOTSTRAP_SERVERS": KAFKA_BOOTSTRAP_SERVERS,
    "DATA_LAKE_PATH": DATA_LAKE_PATH,
    "FEATURE_STORE_PATH": FEATURE_STORE_PATH,
}

START_DATE = datetime(2024, 1, 1, tzinfo=UTC)

DEFAULT_DAG_ARGS = {
    "owner": "mlops",
    "depends_on_past": False,
    "retries": 1,
    "retry_delay": timedelta(minutes=5),
    "on_failure_callback": tell_of_failure,
}

"""movie_recommender_pipeline in Airflow for real: a Kafka broker, the data lake, DuckDB, JAX; one small Sunday.

Whether a model this small is any good is not asked here: the thresholds are nought, so that it is deployed.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from reco_assets.features.store import FeatureStore
from resources.kafka.broker import Broker

pytestmark = [pytest.mark.slow, pytest.mark.spark_environment]
SUNDAY = datetime(2025, 1, 5, 2, tzinfo=UTC)
SMALL = {
    "SYNTHETIC_USERS": "60",
    "SYNTHETIC_MOVIES": "80",
    "NCF_FACTORS": "4",
    "NCF_MAX_EPOCHS": "2",
    "NCF_MIN_AUC": "0",
    "NCF_MIN_NDCG": "0",
    "NCF_MIN_HIT_RATE": "0",
    "NCF_POPULARITY_FACTOR": "0",
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("neural") / "the lake's"


@pytest.fixture(scope="module")
def run(
    lake: Path, make_airflow: Callable[..., Any], clean_environment: dict[str, str], broker: Broker, webhook: Any
) -> Any:
    """The pipeline, run on a Sunday in an empty lakehouse."""
    home = lake.parent / "dagster"
    home.mkdir()
    platform = SMALL | {
        "LAKEHOUSE_PATH": str(lake),
        "DAGSTER_HOME": str(home),
        "KAFKA_BOOTSTRAP_SERVERS": broker.address,
        "EVENTS_TOPIC_PREFIX": "airflow.",
        "AIRFLOW_CONN_SLACK_DEFAULT": webhook.connection,
    }
    return make_airflow(lake.parent / "airflow's home", platform).run("movie_recommender_pipeline", SUNDAY)


def test_a_sunday_ends_with_a_model_of_its_own_deployed_and_slack_told(run: Any, webhook: Any) -> None:
    assert {task for task, state in run.tasks.items() if state == "skipped"} == {"skip_deploy", "alert_failure"}
    assert {state for task, state in run.tasks.items() if task not in ("skip_deploy", "alert_failure")} == {"success"}
    date = SUNDAY.isoformat()
    assert webhook.heard == [f"Succeeded: DAG movie_recommender_pipeline, run {run.run_id}, date {date}"]


def test_every_event_that_was_sent_to_the_broker_is_in_the_lake_once(run: Any, lake: Path) -> None:
    sent = run.xcoms["generate_synthetic_data"]["assets"]["events/simulated"]["events"]
    log = DeltaTable(str(lake / "events" / "log")).to_pyarrow_table(columns=["event_id"])
    assert log.num_rows == len(set(log["event_id"].to_pylist())) == sent > 0
    assert run.xcoms["extract_events"]["assets"]["events/log"]["events"] == sent


def test_the_model_is_trained_on_the_features_of_these_events_and_serves(run: Any, lake: Path) -> None:
    trained = run.xcoms["train_model"]["assets"]["models/ncf_candidate"]
    with FeatureStore.open(lake / "features" / "feature_store.duckdb") as store:
        assert store.row_counts()["interactions"] > 0
    assert run.xcoms["evaluate_model"]["deploy_decision"]["next_task"] == "deploy_model"
    champion = json.loads((lake / "gold" / "models" / "ncf" / "champion.json").read_text())
    assert champion["version"] == trained["version"]

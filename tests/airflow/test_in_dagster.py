"""DAGs of `--via dagster`: the runner is told where Dagster is, for what it makes and checks, and for nothing else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

URL = "http://dagster.example:3000"


@pytest.fixture
def through_dagster(dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from common import runner

    monkeypatch.setattr(runner, "TRAINER_CONN_ID", "trainer_api")


def told(run: Any, task: str) -> str | None:
    (call,) = run.calls_of(task)
    arguments = call["arguments"]
    return arguments[arguments.index("--in-dagster") + 1] if "--in-dagster" in arguments else None


@pytest.mark.usefixtures("through_dagster")
@pytest.mark.parametrize(
    "connection",
    [
        {"host": "dagster.example", "port": 3000},
        {"host": f"{URL}/"},
        {"host": "dagster.example:3000", "schema": "http"},
    ],
)
def test_assets_are_made_in_the_dagster_of_the_connection_and_functions_are_not(
    connection: dict[str, Any], run_dag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TRAINER_API", json.dumps({"conn_type": "http", **connection}))
    run = run_dag("reco_pipeline")
    assert run.state == "success"
    assert told(run, "run_etl_bronze_to_silver") == told(run, "run_train_als_generate_recos") == URL
    assert told(run, "verify_silver_output") is None


@pytest.mark.usefixtures("through_dagster")
def test_without_the_connection_the_task_fails_before_anything_is_started(run_dag: Callable[..., Any]) -> None:
    run = run_dag("reco_pipeline")
    assert run.tasks_in("failed") == {"run_etl_bronze_to_silver"}
    assert run.calls == []


def test_each_task_names_the_tables_it_makes_by_their_addresses(dags: dict[str, Any], home: Path) -> None:
    outlets = [urlsplit(table.uri) for table in dags["reco_pipeline"].get_task("run_train_als_generate_recos").outlets]
    lakehouse = home / 'the lake\'s "house"'
    assert {table.scheme for table in outlets} == {"file"}
    gold = ("gold/exposures", "gold/recommendations_als", "gold/recommendations_why", "gold/similar_movies")
    assert {unquote(table.path) for table in outlets} == {str(lakehouse / name) for name in gold}


def test_tables_of_events_lie_in_the_data_lake(dags: dict[str, Any]) -> None:
    outlets = [table.uri for table in dags["movie_recommender_pipeline"].get_task("extract_events").outlets]
    assert "file:///data/events/log" in outlets
